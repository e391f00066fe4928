/** A request as its signature covers it: what stood on the wire, before anybody normalised it. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly target: string;
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[];
  /** Whether the names are in lower case already. */
  readonly hasLowerCaseNames?: boolean;
}

const AUTHORITY = ":authority";

/**
 * A request's headers by lower-case name. A request has one host: HTTP/2's authority, if it names it twice. It is found under
 * both names, since the AWS SDK for JavaScript signs it as `:authority`. There are few, so they are looked through: that costs less
 * than a map of them.
 */
export class HeaderValues {
  /** Lower-case names and values in turn, in the order received. */
  readonly #lines: readonly string[];

  constructor({ rawHeaders, hasLowerCaseNames = false }: Pick<SignedRequest, "rawHeaders" | "hasLowerCaseNames">) {
    this.#lines = hasLowerCaseNames
      ? rawHeaders
      : rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
  }

  has(name: string): boolean {
    return this.first(name) !== undefined;
  }

  first(name: string): string | undefined {
    const at = this.#find(this.#receivedName(name), 0);
    return at < 0 ? undefined : this.#lines[at + 1];
  }

  /** All values of a header as signatures cover them: trimmed, with single spaces, separated by commas. */
  canonical(name: string): string {
    const received = this.#receivedName(name);
    const at = this.#find(received, 0);
    if (at < 0) return "";
    let text = withSingleSpaces(this.#lines[at + 1]!);
    for (let next = this.#find(received, at + 2); next >= 0; next = this.#find(received, next + 2)) {
      text += `,${withSingleSpaces(this.#lines[next + 1]!)}`;
    }
    return text;
  }

  #receivedName(name: string): string {
    if (name !== "host" && name !== AUTHORITY) return name;
    return this.#find(AUTHORITY, 0) < 0 ? "host" : AUTHORITY;
  }

  #find(name: string, from: number): number {
    const lines = this.#lines;
    for (let at = from; at + 1 < lines.length; at += 2) if (lines[at] === name) return at;
    return -1;
  }
}

/** The target's path and query; the query without its question mark, empty where there is none. */
export function splitTarget({ target }: SignedRequest): { path: string; query: string } {
  const at = target.indexOf("?");
  return at < 0 ? { path: target, query: "" } : { path: target.slice(0, at), query: target.slice(at + 1) };
}

function withSingleSpaces(value: string): string {
  const trimmed = value.trim();
  return trimmed.includes("  ") ? trimmed.replace(/ +/g, " ") : trimmed;
}
