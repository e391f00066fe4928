import type { SignatureTerms } from "./signature-terms.js";

/** Clients whose terms are remembered. */
const ENTRIES_MAX = 64;
/** What a header that is remembered ends with, before the signature. */
const SIGNATURE = " Signature=";
const SIGNATURE_CHARACTERS = 64;
const IS_ASCII = /^[\x20-\x7e]*$/;
/** Of a signature. To look for one of others takes half as long as to count 64 of its own. */
const NO_CHARACTER = /[^0-9a-f]/;

/** An Authorization header of the usual form: the signature stands last. */
export interface UsualHeader {
  /** All of it before the signature. */
  readonly start: string;
  /** 64 characters of lower-case hex. */
  readonly signature: string;
}

export function usualHeader(header: string): UsualHeader | undefined {
  const at = header.length - SIGNATURE_CHARACTERS;
  if (at < SIGNATURE.length || !header.startsWith(SIGNATURE, at - SIGNATURE.length)) return undefined;
  const signature = header.slice(at);
  return NO_CHARACTER.test(signature) ? undefined : { start: header.slice(0, at), signature };
}

/** The terms of the last clients by how their Authorization headers start, which is the same for a day. */
export class KnownTerms {
  readonly #terms = new Map<string, SignatureTerms>();
  #last: { readonly start: string; readonly terms: SignatureTerms } | undefined;

  get(start: string): SignatureTerms | undefined {
    if (this.#last?.start === start) return this.#last.terms;
    const terms = this.#terms.get(start);
    if (terms !== undefined) this.#last = { start, terms };
    return terms;
  }

  set(start: string, terms: SignatureTerms): void {
    if (!IS_ASCII.test(start)) return;
    const oldest = this.#terms.keys().next();
    if (this.#terms.size >= ENTRIES_MAX && oldest.done !== true) this.#terms.delete(oldest.value);
    // A copy: a slice would keep the whole head.
    this.#terms.set(Buffer.from(start, "latin1").toString("latin1"), terms);
  }
}
