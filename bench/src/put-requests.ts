import { createHash, createHmac, randomBytes, randomUUID } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";

/** What a PutRecords client is made of. */
export interface Target {
  /** `http://host:port`. */
  readonly endpoint: string;
  readonly stream: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Whole HTTP/1.1 requests, ready to be written to a socket again and again: random data under random partition keys, signed
 * now, so valid for five minutes. Made ahead, they leave the generator nothing to do but to write.
 */
export async function buildPutRequests(
  target: Target,
  count: number,
  { records, recordBytes }: { records: number; recordBytes: number },
): Promise<Buffer[]> {
  const signer = new SignatureV4({
    service: "kinesis",
    region: target.region,
    credentials: target,
    sha256: Sha256,
  });
  const { hostname, port, host } = new URL(target.endpoint);
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const Records = Array.from({ length: records }, () => ({
        PartitionKey: randomUUID(),
        Data: randomBytes(recordBytes).toString("base64"),
      }));
      const body = Buffer.from(JSON.stringify({ StreamName: target.stream, Records }));
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
          "x-amz-target": "Kinesis_20131202.PutRecords",
        },
        body,
      });
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      return Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\n${lines.join("")}\r\n`), body]);
    }),
  );
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
