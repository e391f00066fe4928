import { createHash, createHmac } from "node:crypto";
import { request } from "node:http";
import { SignatureV4 } from "@smithy/signature-v4";

/** A server that speaks Kinesis, and a stream of it. */
export interface Target {
  /** `http://host:port`. */
  readonly endpoint: string;
  readonly stream: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

interface Signed {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A whole HTTP/1.1 request, ready to be written to a socket; its signature holds for five minutes. */
export async function signedRequest(target: Target, operation: string, input: unknown): Promise<Buffer> {
  const { headers, body } = await signedHeaders(target, operation, input);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\n${lines.join("")}\r\n`), body]);
}

/** Calls an operation that is not measured. @throws {Error} with the answer, where that is a refusal. */
export async function call(target: Target, operation: string, input: unknown): Promise<Record<string, unknown>> {
  const { headers, body } = await signedHeaders(target, operation, input);
  return await new Promise((resolve, reject) => {
    const outgoing = request(target.endpoint, { method: "POST", headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk)).once("error", reject);
      answer.once("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (answer.statusCode !== 200) reject(new Error(`${operation}: ${answer.statusCode} ${text.slice(0, 500)}`));
        else resolve((text === "" ? {} : JSON.parse(text)) as Record<string, unknown>);
      });
    });
    outgoing.once("error", reject).end(body);
  });
}

/** A request that is to be sent soon. */
export async function signedHeaders(target: Target, operation: string, input: unknown): Promise<Signed> {
  const signer = new SignatureV4({ service: "kinesis", region: target.region, credentials: target, sha256: Sha256 });
  const { hostname, port, host } = new URL(target.endpoint);
  const body = Buffer.from(JSON.stringify(input));
  const { headers } = await signer.sign({
    method: "POST",
    protocol: "http:",
    hostname,
    port: Number(port),
    path: "/",
    query: {},
    headers: {
      host,
      "content-type": "application/x-amz-json-1.1",
      "content-length": String(body.length),
      "x-amz-target": `Kinesis_20131202.${operation}`,
    },
    body,
  });
  return { headers, body };
}

/** Node's SHA-256 in the shape that the signer wants. */
class Sha256 {
  readonly #hash;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return Buffer.from(data, "utf8");
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}
