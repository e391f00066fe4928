import { createHash, createHmac } from "node:crypto";
import { type Agent, request } from "node:http";
import { SignatureV4 } from "@smithy/signature-v4";
import type { HttpRequest } from "@smithy/types";
import { credentials, region } from "./credentials.js";

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** The client's port, by which a trace knows the connection. */
  readonly localPort: number;
}

export interface SignedRequest {
  readonly operation: string;
  readonly body: Uint8Array;
  readonly contentType?: string;
  /** Further headers; they are signed. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signingDate?: Date;
  readonly secretAccessKey?: string;
}

export const JSON_TYPE = "application/x-amz-json-1.1";
export const CBOR_TYPE = "application/x-amz-cbor-1.1";

/** A Kinesis request over HTTP/1.1 in the test's own bytes, signed by AWS's own signer; no retries. */
export async function sendSigned(endpoint: string, wanted: SignedRequest, agent?: Agent): Promise<RawAnswer> {
  return await sendRaw(endpoint, { headers: await signedHeaders(endpoint, wanted), body: wanted.body }, agent);
}

/** The headers of a signed POST to `/`, without its length. */
export async function signedHeaders(endpoint: string, wanted: SignedRequest): Promise<Record<string, string>> {
  const { headers } = await signerOf(wanted.secretAccessKey).sign(httpRequest(endpoint, wanted), {
    signingDate: wanted.signingDate ?? new Date(),
  });
  return headers;
}

/** The same as JSON both ways; answers the status beside the parsed body. */
export async function callJson(
  endpoint: string,
  operation: string,
  input: unknown,
  options: Omit<SignedRequest, "operation" | "body"> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await sendSigned(endpoint, { operation, body: Buffer.from(JSON.stringify(input)), ...options });
  const text = answer.body.toString();
  return { status: answer.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

/** A request signed in its query: whoever has the URL may send exactly these headers and bytes until it expires. */
export async function presign(
  endpoint: string,
  wanted: SignedRequest,
  expiresInSeconds: number,
): Promise<{ url: string; headers: Record<string, string>; body: Uint8Array }> {
  const { headers, query } = await signerOf(wanted.secretAccessKey).presign(httpRequest(endpoint, wanted), {
    signingDate: wanted.signingDate ?? new Date(),
    expiresIn: expiresInSeconds,
    unhoistableHeaders: new Set(["x-amz-target"]),
  });
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(one ?? "")}`),
  );
  return { url: `${endpoint}/?${pairs.join("&")}`, headers, body: wanted.body };
}

/** Sends bytes and headers as they are. */
export async function sendRaw(
  url: string,
  { headers, body }: { headers: Record<string, string>; body: Uint8Array },
  agent?: Agent,
): Promise<RawAnswer> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method: "POST", headers: { "content-length": String(body.length), ...headers }, agent: agent ?? false },
      (incoming) => {
        const chunks: Buffer[] = [];
        const localPort = incoming.socket.localPort ?? 0;
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks),
            localPort,
          });
        });
      },
    );
    outgoing.setTimeout(30_000, () => outgoing.destroy(new Error(`no answer from ${url} within 30 s`)));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function httpRequest(endpoint: string, { operation, body, contentType, headers }: SignedRequest): HttpRequest {
  const url = new URL(endpoint);
  return {
    method: "POST",
    protocol: url.protocol,
    hostname: url.hostname,
    port: Number(url.port),
    path: "/",
    query: {},
    headers: {
      host: url.host,
      "content-type": contentType ?? JSON_TYPE,
      "x-amz-target": `Kinesis_20131202.${operation}`,
      ...headers,
    },
    body,
  };
}

function signerOf(secretAccessKey: string = credentials.secretAccessKey): SignatureV4 {
  return new SignatureV4({
    service: "kinesis",
    region,
    credentials: { accessKeyId: credentials.accessKeyId, secretAccessKey },
    sha256: Sha256,
  });
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

  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#hash.digest());
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return Buffer.from(data, "utf8");
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}
