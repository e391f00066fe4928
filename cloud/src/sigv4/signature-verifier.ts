import { timingSafeEqual } from "node:crypto";
import { CloudError } from "../cloud-error.js";
import { formatAmzDate } from "./amz-date.js";
import { ALGORITHM, type Authorization, readAuthorization, SIGNATURE_PARAMETER } from "./authorization.js";
import { canonicalRequest, sha256Hex } from "./canonical-request.js";
import { formatScope } from "./credential-scope.js";
import type { SignedRequest } from "./signed-request.js";
import { SigningKeys } from "./signing-key.js";

const SKEW_MS = 5 * 60 * 1000;
/** SHA-256 of no bytes, for requests without a body. */
export const EMPTY_BODY_SHA256 = sha256Hex("");

/** Who signed, and what the signature covers. */
export interface Identity {
  readonly accessKeyId: string;
  /** Lower-case names of the headers that nobody can have changed on the way. */
  readonly signedHeaders: ReadonlySet<string>;
}

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
    const { accessKeyId, scope, headers, signedHeaders } = authorization;
    const claimedBody = headers.get("x-amz-content-sha256")?.[0];
    if (claimedBody !== undefined && claimedBody !== bodySha256) throw mismatch();
    const canonical = canonicalRequest(
      request,
      headers,
      signedHeaders,
      bodySha256,
      authorization.form === "query" ? SIGNATURE_PARAMETER : undefined,
    );
    const toSign = [ALGORITHM, formatAmzDate(authorization.signedAtMs), formatScope(scope), sha256Hex(canonical)];
    const key = this.#keys.derive(accessKeyId, this.#secretOf(accessKeyId), scope);
    const expected = key.sign(toSign.join("\n"));
    const given = Buffer.from(authorization.signature, "hex");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw mismatch();
    return { accessKeyId, signedHeaders: new Set(signedHeaders) };
  }

  #checkKey({ accessKeyId, securityToken }: Authorization): void {
    this.#secretOf(accessKeyId);
    if (securityToken !== undefined) {
      throw new CloudError("security-token-unknown", "The security token included in the request is invalid.");
    }
  }

  #secretOf(accessKeyId: string): string {
    const secret = this.#options.secretOf(accessKeyId);
    if (secret === undefined) {
      throw new CloudError("access-key-unknown", "The security token included in the request is invalid.");
    }
    return secret;
  }

  #checkScope({ scope, signedAtMs }: Authorization): void {
    const { region, service } = this.#options;
    const problems: string[] = [];
    if (scope.region !== region) {
      problems.push(
        `Credential should be scoped to a valid region, not '${scope.region}'. This endpoint is '${region}'. `,
      );
    }
    if (scope.service !== service) problems.push(`Credential should be scoped to correct service: '${service}'. `);
    if (scope.terminator !== "aws4_request") {
      problems.push(`Credential should be scoped with a valid terminator: 'aws4_request', not '${scope.terminator}'. `);
    }
    const date = formatAmzDate(signedAtMs).slice(0, 8);
    if (scope.date !== date) {
      problems.push(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
          `'${scope.date}' != '${date}', from '${formatAmzDate(signedAtMs)}'. `,
      );
    }
    if (problems.length > 0) throw new CloudError("signature-scope-wrong", problems.join("").trimEnd());
  }

  /** An unsigned target would let anybody on the way turn a read into a deletion. */
  #checkSignedHeaders({ signedHeaders, headers }: Authorization): void {
    if (!signedHeaders.includes("host") && !signedHeaders.includes(":authority")) {
      throw new CloudError(
        "signature-mismatch",
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
      );
    }
    if (headers.has("x-amz-target") && !signedHeaders.includes("x-amz-target")) {
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

function mismatch(): CloudError {
  return new CloudError(
    "signature-mismatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key " +
      "and signing method. Consult the service documentation for details.",
  );
}
