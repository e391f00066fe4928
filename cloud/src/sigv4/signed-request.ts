/** A request as its signature covers it: what stood on the wire, before anybody normalised it. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly target: string;
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[];
}

/** Header values by lower-case name, in the order received. */
export type HeaderValues = ReadonlyMap<string, readonly string[]>;

/**
 * Collects the raw headers by name. A request has one host: HTTP/2's authority, if it names it twice. It is found under
 * both names, since the AWS SDK for JavaScript signs it as `:authority`.
 */
export function headerValues({ rawHeaders }: SignedRequest): HeaderValues {
  const values = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? "").toLowerCase();
    const value = rawHeaders[i + 1] ?? "";
    const others = values.get(name);
    if (others === undefined) values.set(name, [value]);
    else others.push(value);
  }
  const host = values.get(":authority") ?? values.get("host");
  if (host !== undefined) values.set("host", host).set(":authority", host);
  return values;
}

/** The target's path and query; the query without its question mark, empty where there is none. */
export function splitTarget({ target }: SignedRequest): { path: string; query: string } {
  const at = target.indexOf("?");
  return at < 0 ? { path: target, query: "" } : { path: target.slice(0, at), query: target.slice(at + 1) };
}
