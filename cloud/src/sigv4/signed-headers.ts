import type { Credentials } from "../credentials.js";
import { formatAmzDate } from "./amz-date.js";
import { ALGORITHM } from "./authorization.js";
import { canonicalRequest, sha256Hex } from "./canonical-request.js";
import { formatScope } from "./credential-scope.js";
import { signatureTerms } from "./signature-terms.js";
import { HeaderValues } from "./signed-request.js";
import { SigningKeys } from "./signing-key.js";

/** A request of our own to sign: a POST to `/`. */
export interface RequestToSign {
  readonly host: string;
  /** Signed with the rest; lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly scope: { readonly region: string; readonly service: string };
  readonly credentials: Credentials;
  readonly nowMs: number;
}

/**
 * The headers of a request with its signature among them, for the command line to ask a running cloud.
 * @see AWS IAM User Guide, "Create a signed AWS API request"
 */
export function signedHeaders({
  host,
  headers,
  body,
  scope,
  credentials,
  nowMs,
}: RequestToSign): Record<string, string> {
  const date = formatAmzDate(nowMs);
  const all: Record<string, string> = { ...headers, host, "x-amz-date": date };
  const names = Object.keys(all).toSorted((a, b) => (a < b ? -1 : 1));
  const request = { method: "POST", target: "/", rawHeaders: Object.entries(all).flat() };
  const bodySha256 = sha256Hex(Buffer.from(body, "utf8").toString("latin1"));
  const scopeText = formatScope({ date: date.slice(0, 8), ...scope, terminator: "aws4_request" });
  const { accessKeyId, secretAccessKey } = credentials;
  const terms = signatureTerms(`${accessKeyId}/${scopeText}`, names.join(";"));
  const canonical = canonicalRequest(request, new HeaderValues(request), terms, bodySha256);
  const key = new SigningKeys().derive(terms, secretAccessKey);
  const signature = key.sign(date, sha256Hex(canonical));
  const authorization =
    `${ALGORITHM} Credential=${accessKeyId}/${scopeText}, ` +
    `SignedHeaders=${terms.signedHeadersText}, Signature=${signature}`;
  return { ...all, authorization };
}
