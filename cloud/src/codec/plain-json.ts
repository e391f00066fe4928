const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;

/**
 * Steps through the bytes of a JSON text that is plain: its strings hold printable ASCII without escapes, so that what they
 * mean stands in them as it is. Whoever meets anything else gives up and has the text parsed as a whole; so a step that
 * answers false says only that, never that the text is wrong.
 */
export class PlainJson {
  readonly bytes: Buffer;
  /** The string that was read last, without its quotes. */
  from = 0;
  to = 0;
  #at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Steps over white space and one byte, if it is this one. */
  take(byte: number): boolean {
    this.#skipSpace();
    if (this.bytes[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  /** Reads a plain string. */
  string(): boolean {
    if (!this.take(QUOTE)) return false;
    const { bytes } = this;
    let at = this.#at;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) break;
      if (byte < SPACE || byte >= DELETE || byte === BACKSLASH) return false;
    }
    return this.#ends(at);
  }

  /** Reads a string, and leaves it to the caller to see that it is plain: quicker for a long one. */
  unseenString(): boolean {
    if (!this.take(QUOTE)) return false;
    return this.#ends(this.bytes.indexOf(QUOTE, this.#at));
  }

  /** Whether nothing but white space is left. */
  isAtEnd(): boolean {
    this.#skipSpace();
    return this.#at === this.bytes.length;
  }

  /** The string that was read last. */
  text(): string {
    return this.bytes.toString("latin1", this.from, this.to);
  }

  /** Whether the string that was read last is this one, which is ASCII. */
  is(text: string): boolean {
    if (this.to - this.from !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (this.bytes[this.from + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  #ends(quoteAt: number): boolean {
    if (quoteAt < 0 || quoteAt >= this.bytes.length) return false;
    this.from = this.#at;
    this.to = quoteAt;
    this.#at = quoteAt + 1;
    return true;
  }

  #skipSpace(): void {
    for (; ; this.#at++) {
      const byte = this.bytes[this.#at];
      if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
    }
  }
}
