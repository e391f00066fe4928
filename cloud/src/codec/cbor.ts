import { isUtf8 } from "node:buffer";
import { decode, type DecodeOptions, encode, Token, Tokenizer, Type } from "cborg";
import { malformed } from "./malformed.js";
import type { Output } from "./wire-codec.js";

/** A date in AWS's CBOR: tag 1 over milliseconds since 1970 (where RFC 8949 has seconds). */
const DATE_TAG = 1;
/** Starts text or bytes that come in parts, as Jackson writes text of more than some 4,000 bytes. RFC 8949, section 3.2.3. */
const BYTES_IN_PARTS = 0x5f;
const TEXT_IN_PARTS = 0x7f;
/** Items that a body may have, parts included; 500 records with all their members are about 3,500. */
const ITEMS_MAX = 1 << 15;

const options: DecodeOptions = {
  allowIndefinite: true,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
  tags: {
    [DATE_TAG]: (content) => {
      const timeMs = content();
      if (typeof timeMs !== "number") throw malformed("A timestamp must be a number of milliseconds.");
      return new Date(timeMs);
    },
  },
};

/**
 * Reads a CBOR body: one item, definite or indefinite lengths, text keys, no duplicates, no tags but dates. Each part of
 * a text must be UTF-8 by itself. Bytes are views of the body.
 * @throws {CloudError} `body-malformed`.
 */
export function decodeCbor(body: Buffer): unknown {
  try {
    return decode(body, { ...options, tokenizer: new CheckingTokenizer(body) }) as unknown;
  } catch (error) {
    throw malformed("The request body is not valid CBOR.", { cause: error });
  }
}

/** Writes an answer: bytes as byte strings, dates as tag 1 over milliseconds. */
export function encodeCbor(output: Output): Uint8Array {
  return encode(output, {
    ignoreUndefinedProperties: true,
    typeEncoders: {
      Date: (date: Date) => [new Token(Type.tag, DATE_TAG), new Token(Type.uint, date.getTime())],
    },
  });
}

/**
 * Takes text and bytes in parts, which the library does not; refuses what it would take: text that is no UTF-8, and
 * millions of tiny items, which cost seconds and a gigabyte, in which nobody else is served.
 */
class CheckingTokenizer extends Tokenizer {
  readonly #bytes: Uint8Array;
  #items = 0;

  constructor(body: Buffer) {
    // The library slices bytes out of it: of a Buffer these are views, of a Uint8Array copies.
    super(body, options);
    this.#bytes = body;
  }

  override next(): Token {
    const initial = this.#bytes[this.pos()];
    if (initial !== BYTES_IN_PARTS && initial !== TEXT_IN_PARTS) return this.#one();
    // oxlint-disable-next-line no-underscore-dangle -- the library's tokenizer has no other way to pass over a byte
    this._pos += 1;
    if (initial === TEXT_IN_PARTS) {
      const parts = this.#parts(Type.string).map(({ value }) => String(value));
      return new Token(Type.string, parts.join(""));
    }
    return new Token(Type.bytes, Buffer.concat(this.#parts(Type.bytes).map(({ value }) => value as Uint8Array)));
  }

  /** Up to the break that ends them. */
  #parts(type: Type): Token[] {
    const parts: Token[] = [];
    for (;;) {
      const part = this.#one();
      if (Type.equals(part.type, Type.break)) return parts;
      if (!Type.equals(part.type, type)) throw malformed("A part is of another type than the whole.");
      parts.push(part);
    }
  }

  #one(): Token {
    this.#items += 1;
    if (this.#items > ITEMS_MAX) throw malformed("The request body has too many items.");
    const from = this.pos();
    const token = super.next();
    if (Type.equals(token.type, Type.bytes)) {
      const { buffer, byteOffset, length } = token.value as Uint8Array;
      return new Token(Type.bytes, new Uint8Array(buffer, byteOffset, length), token.encodedLength);
    }
    if (Type.equals(token.type, Type.string) && String(token.value).includes("\uFFFD")) {
      const text = this.#bytes.subarray(from + headBytes(this.#bytes[from] ?? 0), this.pos());
      if (!isUtf8(text)) throw malformed("Text must be UTF-8.");
    }
    return token;
  }
}

/** Bytes before an item's content, which its first byte tells. Source: RFC 8949, section 3. */
function headBytes(initial: number): number {
  const additional = initial & 31;
  return additional < 24 ? 1 : 1 + 2 ** (additional - 24);
}
