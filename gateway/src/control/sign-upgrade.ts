import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import type { defaultProvider } from "@aws-sdk/credential-provider-node";
import { SignatureV4 } from "@smithy/signature-v4";

/** Finds credentials as any AWS client does. */
export type Credentials = ReturnType<typeof defaultProvider>;

export interface SignOptions {
  readonly credentials: Credentials;
  readonly region: string;
}

/** The headers that make a WebSocket upgrade a request signed for Kinesis, as AWS signs requests. */
export async function signUpgrade(url: URL, { credentials, region }: SignOptions): Promise<Record<string, string>> {
  const signer = new SignatureV4({ credentials, region, service: "kinesis", sha256: Sha256 });
  const { headers } = await signer.sign({
    method: "GET",
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: {},
    headers: { host: url.host },
  });
  return headers;
}

type SourceData = string | ArrayBuffer | ArrayBufferView;

/** Node's SHA-256 in the shape that the signer wants. */
class Sha256 {
  readonly #secret: SourceData | undefined;
  #hash: Hash | Hmac;

  constructor(secret?: SourceData) {
    this.#secret = secret;
    this.#hash = this.#begin();
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    this.#hash = this.#begin();
  }

  #begin(): Hash | Hmac {
    return this.#secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(this.#secret));
  }
}

function bytesOf(data: SourceData): string | Uint8Array {
  if (typeof data === "string") return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
