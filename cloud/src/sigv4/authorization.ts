import { CloudError } from "../cloud-error.js";
import { parseAmzDate } from "./amz-date.js";
import { queryParameters } from "./canonical-request.js";
import { KnownTerms, usualHeader } from "./known-terms.js";
import { type SignatureTerms, signatureTerms } from "./signature-terms.js";
import { HeaderValues, type SignedRequest, splitTarget } from "./signed-request.js";

export const ALGORITHM = "AWS4-HMAC-SHA256";
export const SIGNATURE_PARAMETER = "X-Amz-Signature";
const EXPIRES_SECONDS_MAX = 604_800;

/** What a request says of its signature, in its header or in its query. Nothing of it is verified yet. */
export interface Authorization {
  readonly form: "header" | "query";
  readonly terms: SignatureTerms;
  /** Hex. */
  readonly signature: string;
  readonly signedAtMs: number;
  /** How long a presigned request holds. */
  readonly expiresSeconds: number | undefined;
  readonly securityToken: string | undefined;
  readonly headers: HeaderValues;
}

const knownTerms = new KnownTerms();

/**
 * Reads the Authorization header or the presigned query.
 * @throws {CloudError} `authentication-missing`, `authentication-twice`, `signature-incomplete`.
 */
export function readAuthorization(request: SignedRequest): Authorization {
  const headers = new HeaderValues(request);
  const header = headers.first("authorization");
  const { query } = splitTarget(request);
  if (header !== undefined && query === "") return fromHeader(header, headers);
  const parameters = new Map(queryParameters(query));
  if (!parameters.has("X-Amz-Algorithm")) {
    if (header !== undefined) return fromHeader(header, headers);
    throw new CloudError("authentication-missing", "Missing Authentication Token");
  }
  if (header === undefined) return fromQuery(parameters, headers);
  throw new CloudError(
    "authentication-twice",
    "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
  );
}

function fromHeader(header: string, headers: HeaderValues): Authorization {
  const date = headers.first("x-amz-date") ?? headers.first("date");
  const usual = usualHeader(header);
  const known = usual && knownTerms.get(usual.start);
  if (known !== undefined && date) return ofHeader(known, usual?.signature ?? "", date, headers);
  const parameters = new Map<string, string>();
  const [algorithm = "", ...rest] = header.split(/[ ,]+/);
  for (const part of rest) {
    const at = part.indexOf("=");
    if (at > 0) parameters.set(part.slice(0, at), part.slice(at + 1));
  }
  const problems = ["Credential", "Signature", "SignedHeaders"]
    .filter((name) => !parameters.get(name))
    .map((name) => `Authorization header requires '${name}' parameter. `);
  if (!date) {
    problems.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
  }
  if (problems.length > 0) throw incomplete(`${problems.join("")}Authorization=${withoutSignature(header)}`);
  if (algorithm !== ALGORITHM) throw incomplete(`Unsupported AWS 'algorithm': '${algorithm}'.`);
  const terms = signatureTerms(parameters.get("Credential") ?? "", parameters.get("SignedHeaders") ?? "");
  if (usual !== undefined) knownTerms.set(usual.start, terms);
  return ofHeader(terms, parameters.get("Signature") ?? "", date ?? "", headers);
}

function ofHeader(terms: SignatureTerms, signature: string, date: string, headers: HeaderValues): Authorization {
  return {
    form: "header",
    terms,
    signature,
    signedAtMs: dateOf(date),
    expiresSeconds: undefined,
    securityToken: headers.first("x-amz-security-token"),
    headers,
  };
}

function fromQuery(query: ReadonlyMap<string, string>, headers: HeaderValues): Authorization {
  const problems = ["X-Amz-Algorithm", "X-Amz-Credential", SIGNATURE_PARAMETER, "X-Amz-SignedHeaders", "X-Amz-Date"]
    .filter((name) => !query.get(name))
    .map((name) => `AWS query-string parameters must include '${name}'. `);
  if (problems.length > 0) throw incomplete(`${problems.join("")}Re-examine the query-string parameters.`);
  const algorithm = query.get("X-Amz-Algorithm") ?? "";
  if (algorithm !== ALGORITHM) throw incomplete(`Unsupported AWS 'algorithm': '${algorithm}'.`);
  const expires = query.get("X-Amz-Expires") ?? "900";
  const expiresSeconds = Number(expires);
  if (!/^\d{1,7}$/.test(expires) || expiresSeconds > EXPIRES_SECONDS_MAX) {
    throw incomplete(`X-Amz-Expires must be between 0 and ${EXPIRES_SECONDS_MAX} seconds, got '${expires}'.`);
  }
  return {
    form: "query",
    terms: signatureTerms(query.get("X-Amz-Credential") ?? "", query.get("X-Amz-SignedHeaders") ?? ""),
    signature: query.get(SIGNATURE_PARAMETER) ?? "",
    signedAtMs: dateOf(query.get("X-Amz-Date") ?? ""),
    expiresSeconds,
    securityToken: query.get("X-Amz-Security-Token") ?? headers.first("x-amz-security-token"),
    headers,
  };
}

function dateOf(text: string): number {
  const timeMs = parseAmzDate(text);
  if (timeMs === undefined) {
    throw incomplete(
      `Date must be in ISO-8601 'basic format'. Got '${text}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  }
  return timeMs;
}

function incomplete(message: string): CloudError {
  return new CloudError("signature-incomplete", message);
}

/** A signature is half of a password; it has no business in an error message. */
function withoutSignature(header: string): string {
  return header.replace(/Signature=[0-9a-f]{8,}/i, "Signature=…");
}
