import { hash } from "node:crypto";
import type { SignatureTerms } from "./signature-terms.js";
import { type HeaderValues, type SignedRequest, splitTarget } from "./signed-request.js";

/**
 * The text that a signature covers: method, path, query, the signed headers and the body's hash.
 * @param withoutParameter the query parameter that carries the signature itself, left out.
 * @see AWS Signature Version 4, "Create a canonical request"; services other than S3 encode the path twice.
 */
export function canonicalRequest(
  request: SignedRequest,
  headers: HeaderValues,
  { signedHeaders, signedHeadersText }: Pick<SignatureTerms, "signedHeaders" | "signedHeadersText">,
  bodySha256: string,
  withoutParameter?: string,
): string {
  const { path, query } = splitTarget(request);
  let text = `${request.method}\n${canonicalPath(path)}\n${canonicalQuery(query, withoutParameter)}\n`;
  for (const name of signedHeaders) text += `${name}:${headers.canonical(name)}\n`;
  return `${text}\n${signedHeadersText}\n${bodySha256}`;
}

/** Used again for each text: what is signed has some 500 characters, so it does for nearly all. */
const textBytes = Buffer.alloc(4096);

/** Lower-case hex. Text is hashed byte for character, since Node reads header bytes so. */
export function sha256Hex(text: string): string {
  if (text.length > textBytes.length) return hash("sha256", Buffer.from(text, "latin1"), "hex");
  return hash("sha256", textBytes.subarray(0, textBytes.write(text, "latin1")), "hex");
}

/** The query's parameters, decoded, in the order received. A plus sign is a plus sign. */
export function queryParameters(query: string): [name: string, value: string][] {
  if (query === "") return [];
  return query.split("&").map((pair) => {
    const at = pair.indexOf("=");
    return at < 0 ? [percentDecode(pair), ""] : [percentDecode(pair.slice(0, at)), percentDecode(pair.slice(at + 1))];
  });
}

/** Removes dot segments and doubled slashes, then encodes each segment of the already encoded path once more. */
function canonicalPath(path: string): string {
  if (path === "/" || path === "") return "/";
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(percentEncode(segment));
  }
  if (kept.length === 0) return "/";
  return `/${kept.join("/")}${path.endsWith("/") ? "/" : ""}`;
}

function canonicalQuery(query: string, withoutParameter: string | undefined): string {
  if (query === "") return "";
  return queryParameters(query)
    .filter(([name]) => name !== withoutParameter && name !== "")
    .map(([name, value]): [string, string] => [percentEncode(name), percentEncode(value)])
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** By code point, as AWS sorts. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Encodes all but RFC 3986's unreserved characters. */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Leaves what is no valid encoding as it stands; such a request's signature then just does not match. */
function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
