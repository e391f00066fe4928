const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const SHORT_STRING_BYTES = 32;

/**
 * What a text may have; much more costs the parser seconds and a gigabyte, in which nobody else is served. 500 records have some
 * 2,000 members. A member costs ten times as much as another value where all of an object's have names of their own.
 */
export const MEMBERS_MAX = 1 << 15;
export const VALUES_MAX = 1 << 18;

/** Counts what JSON's parser would make of a text, a part of it at a time. Long strings are passed over. */
export class JsonStructure {
  readonly #text: Buffer;
  #at = 0;
  /** Of objects. */
  #members = 0;
  /** Lists, objects, and whatever stands in them behind another. */
  #values = 0;

  constructor(text: Buffer) {
    this.#text = text;
  }

  /**
   * Goes on up to a place, and to the end of a string that stands there.
   * @returns whether the text has more so far than it may have. Of what is no JSON this says nothing.
   */
  isTooMuchUpTo(end: number): boolean {
    const text = this.#text;
    let [at, members, values] = [this.#at, this.#members, this.#values];
    while (at < end) {
      const byte = text[at++];
      if (byte === QUOTE) at = behindString(text, at);
      else if (byte === COLON) members += 1;
      else if (byte === COMMA || byte === OPEN_LIST || byte === OPEN_OBJECT) values += 1;
      else continue;
      if (members > MEMBERS_MAX || values > VALUES_MAX) return true;
    }
    [this.#at, this.#members, this.#values] = [at, members, values];
    return false;
  }
}

/** Where the string that begins here ends: behind its quote. */
function behindString(text: Buffer, from: number): number {
  let at = from;
  // Most are over before Node's search would have begun.
  for (const near = from + SHORT_STRING_BYTES; at < near; at++) {
    const byte = text[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at += 1;
  }
  const quote = text.indexOf(QUOTE, at);
  if (quote < 0) return text.length;
  if (text[quote - 1] !== BACKSLASH) return quote + 1;
  // Byte by byte: there may be millions of such quotes.
  for (; at < text.length && text[at] !== QUOTE; at++) if (text[at] === BACKSLASH) at += 1;
  return at + 1;
}
