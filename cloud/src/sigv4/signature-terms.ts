import { CloudError } from "../cloud-error.js";
import { type CredentialScope, formatScope, parseCredential } from "./credential-scope.js";

/** Who signed, and what the signature covers. */
export interface Identity {
  readonly accessKeyId: string;
  /** Lower-case names of the headers that nobody can have changed on the way. */
  readonly signedHeaders: ReadonlySet<string>;
}

/** What a client's signatures have in common for a day: all that a request says of its signature but itself and its time. */
export interface SignatureTerms {
  readonly accessKeyId: string;
  readonly scope: CredentialScope;
  /** As it stands in what is signed. */
  readonly scopeText: string;
  /** Lower case, in the order given. */
  readonly signedHeaders: readonly string[];
  /** The same as it stands in what is signed. */
  readonly signedHeadersText: string;
  /** Who signed, once the signature has been verified. */
  readonly identity: Identity;
}

/**
 * @param credential `<access key>/<scope>`.
 * @param signedHeaders names with semicolons between.
 * @throws {CloudError} `signature-incomplete`.
 */
export function signatureTerms(credential: string, signedHeaders: string): SignatureTerms {
  const parsed = parseCredential(credential);
  if (parsed === undefined) {
    throw new CloudError(
      "signature-incomplete",
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
    );
  }
  const { accessKeyId, ...scope } = parsed;
  const signedHeadersText = signedHeaders.toLowerCase();
  const names = signedHeadersText.split(";");
  return {
    accessKeyId,
    scope,
    scopeText: formatScope(scope),
    signedHeaders: names,
    signedHeadersText,
    identity: { accessKeyId, signedHeaders: new Set(names) },
  };
}
