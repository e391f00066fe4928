import { request } from "node:http";
import { buffer } from "node:stream/consumers";
import { awsSigner } from "./aws-signer.js";

/** The keys that {@link signedPost} signs with, unless it is given others. */
export const testKeys = { accessKeyId: "HWAKEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };

export interface SignedPost {
  readonly path?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly service: string;
  readonly secretAccessKey?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
}

/** A POST to a port of this machine over a connection of its own, signed by the AWS SDK's signer. */
export async function signedPost(
  port: number,
  { path = "/", headers: given, body, service, secretAccessKey = testKeys.secretAccessKey }: SignedPost,
): Promise<Answered> {
  const unsigned = {
    method: "POST",
    protocol: "http:",
    hostname: "127.0.0.1",
    path,
    headers: { host: `127.0.0.1:${port}`, ...given },
    body,
  };
  const signer = awsSigner({ ...testKeys, secretAccessKey, service });
  const { headers } = await signer.sign(unsigned, { signingDate: new Date() });
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, method: "POST", path, headers, agent: false }, (incoming) => {
      const { statusCode: status = 0, headers: answered } = incoming;
      buffer(incoming).then((bytes) => resolve({ status, headers: answered, body: bytes }), reject);
    });
    outgoing.on("error", reject).end(body);
  });
}
