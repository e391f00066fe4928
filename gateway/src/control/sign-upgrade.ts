import type { defaultProvider } from "@aws-sdk/credential-provider-node";
import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "../sha256.js";

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
