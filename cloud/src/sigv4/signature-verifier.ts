import { CloudError } from "../cloud-error.js";
import { formatAmzDate } from "./amz-date.js";
import { type Authorization, readAuthorization, SIGNATURE_PARAMETER } from "./authorization.js";
import { canonicalRequest, sha256Hex } from "./canonical-request.js";
import type { Identity, SignatureTerms } from "./signature-terms.js";
import type { SignedRequest } from "./signed-request.js";
import { SigningKeys } from "./signing-key.js";

const SKEW_MS = 5 * 60 * 1000;
const TERMINATOR = "aws4_request";
/** SHA-256 of no bytes, for requests without a body. */
export const EMPTY_BODY_SHA256 = sha256Hex("");

export interface VerifierOptions {
  readonly region: string;
  readonly service: string;
  /** The secret of an access key, or undefined where there is no such key. */
  readonly secretOf: (accessKeyId: string) => string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Verifies AWS Signature Version 4 against the raw request.
 * @see AWS IAM User Guide, "Create a signed AWS API request"
 */
export class SignatureVerifier {
  readonly #options: VerifierOptions;
  readonly #keys = new SigningKeys();

  constructor(options: VerifierOptions) {
    this.#options = options;
  }

  /**
   * All that can be checked before the body is there: who claims to sign, when and for which service.
   * @throws {CloudError} `authentication-*`, `signature-*`, `access-key-unknown`, `security-token-unknown`.
   */
  check(request: SignedRequest): Authorization {
    const authorization = readAuthorization(request);
    this.#checkKey(authorization);
    this.#checkScope(authorization);
    this.#checkSignedHeaders(authorization);
    this.#checkTime(authorization);
    return authorization;
  }

  /**
   * Verifies the signature itself. `authorization` is what {@link check} answered for this request.
   * @throws {CloudError} `signature-mismatch`.
   */
  verify(request: SignedRequest, authorization: Authorization, bodySha256: string): Identity {
    const { terms, headers, signedAtMs, signature } = authorization;
    const claimedBody = headers.first("x-amz-content-sha256");
    if (claimedBody !== undefined && claimedBody !== bodySha256) throw mismatch();
    const canonical = canonicalRequest(
      request,
      headers,
      terms,
      bodySha256,
      authorization.form === "query" ? SIGNATURE_PARAMETER : undefined,
    );
    const key = this.#keys.derive(terms, this.#secretOf(terms));
    if (!isSame(signature, key.sign(formatAmzDate(signedAtMs), sha256Hex(canonical)))) throw mismatch();
    return terms.identity;
  }

  #checkKey({ terms, securityToken }: Authorization): void {
    this.#secretOf(terms);
    if (securityToken !== undefined) {
      throw new CloudError("security-token-unknown", "The security token included in the request is invalid.");
    }
  }

  #secretOf({ accessKeyId }: SignatureTerms): string {
    const secret = this.#options.secretOf(accessKeyId);
    if (secret === undefined) {
      throw new CloudError("access-key-unknown", "The security token included in the request is invalid.");
    }
    return secret;
  }

  #checkScope({ terms: { scope }, signedAtMs }: Authorization): void {
    const { region, service } = this.#options;
    const date = formatAmzDate(signedAtMs).slice(0, 8);
    if (scope.region === region && scope.service === service && scope.terminator === TERMINATOR && scope.date === date)
      return;
    const problems: string[] = [];
    if (scope.region !== region) {
      problems.push(
        `Credential should be scoped to a valid region, not '${scope.region}'. This endpoint is '${region}'. `,
      );
    }
    if (scope.service !== service) problems.push(`Credential should be scoped to correct service: '${service}'. `);
    if (scope.terminator !== TERMINATOR) {
      problems.push(
        `Credential should be scoped with a valid terminator: '${TERMINATOR}', not '${scope.terminator}'. `,
      );
    }
    if (scope.date !== date) {
      problems.push(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
          `'${scope.date}' != '${date}', from '${formatAmzDate(signedAtMs)}'. `,
      );
    }
    throw new CloudError("signature-scope-wrong", problems.join("").trimEnd());
  }

  /** An unsigned target would let anybody on the way turn a read into a deletion. */
  #checkSignedHeaders({ terms, headers }: Authorization): void {
    const { signedHeaders } = terms.identity;
    if (!signedHeaders.has("host") && !signedHeaders.has(":authority")) {
      throw new CloudError(
        "signature-mismatch",
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
      );
    }
    if (headers.has("x-amz-target") && !signedHeaders.has("x-amz-target")) {
      throw new CloudError("signature-mismatch", "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.");
    }
  }

  #checkTime({ signedAtMs, expiresSeconds }: Authorization): void {
    const nowMs = this.#options.now();
    const lifeMs = expiresSeconds === undefined ? SKEW_MS : expiresSeconds * 1000;
    if (signedAtMs < nowMs - lifeMs) {
      const life = expiresSeconds === undefined ? "5 min" : `${expiresSeconds} s`;
      throw new CloudError(
        "signature-expired",
        `Signature expired: ${formatAmzDate(signedAtMs)} is now earlier than ${formatAmzDate(nowMs - lifeMs)} (${formatAmzDate(nowMs)} - ${life}.)`,
      );
    }
    if (signedAtMs > nowMs + SKEW_MS) {
      throw new CloudError(
        "signature-not-yet-current",
        `Signature not yet current: ${formatAmzDate(signedAtMs)} is still later than ${formatAmzDate(nowMs + SKEW_MS)} (${formatAmzDate(nowMs)} + 5 min.)`,
      );
    }
  }
}

/** Compares two signatures in hex, in a time that says nothing of where they differ. */
function isSame(given: string, expected: string): boolean {
  if (given.length !== expected.length) return false;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) difference |= given.charCodeAt(i) ^ expected.charCodeAt(i);
  return difference === 0;
}

function mismatch(): CloudError {
  return new CloudError(
    "signature-mismatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key " +
      "and signing method. Consult the service documentation for details.",
  );
}
