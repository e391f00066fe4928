import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "../sha256.js";
import { unlessAborted } from "@headwater/client/unless-aborted";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SignOptions {
  /** Those to sign with, or who finds them; asked for each call. */
  readonly credentials: AwsCredentials | (() => Promise<AwsCredentials>);
  readonly region: string;
  readonly signal?: AbortSignal;
}

/**
 * The headers of a signed POST to Kinesis Video. Every given header is signed, but for those that a proxy may change.
 * @throws the signal's reason, or what the credentials' finder throws.
 * @param body absent: the signature is over the empty one, as AWS's own producers sign PutMedia, whose body is endless.
 */
export async function signPost(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
  { credentials, region, signal }: SignOptions,
): Promise<Record<string, string>> {
  const signer = new SignatureV4({
    credentials,
    region,
    service: "kinesisvideo",
    sha256: Sha256,
    applyChecksum: false,
  });
  const signing = signer.sign({
    method: "POST",
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: {},
    headers: { ...headers, host: url.host },
    ...(body === undefined ? {} : { body }),
  });
  // Who finds the credentials hears no abort.
  const { headers: signed } = await (signal === undefined ? signing : unlessAborted(signing, signal));
  return signed;
}
