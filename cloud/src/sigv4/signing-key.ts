import { createHmac, hash } from "node:crypto";
import type { SignatureTerms } from "./signature-terms.js";

/** Of SHA-256. */
const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const TEXT_BYTES_MAX = 960;
/** Of a character of JavaScript's. */
const UTF8_BYTES_MAX = 3;

/**
 * Derives the keys that sign, and keeps them as long as the terms that they are for: a key holds for a day, and takes four HMACs
 * to make.
 */
export class SigningKeys {
  readonly #keys = new WeakMap<SignatureTerms, { readonly secret: string; readonly key: SigningKey }>();

  /** The key for one secret and the scope of some signatures. */
  derive(terms: SignatureTerms, secret: string): SigningKey {
    const known = this.#keys.get(terms);
    if (known?.secret === secret) return known.key;
    const { date, region, service, terminator } = terms.scope;
    const parts = [date, region, service, terminator];
    const key = new SigningKey(parts.reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`, "utf8")));
    this.#keys.set(terms, { secret, key });
    return key;
  }
}

/**
 * Signs text with HMAC-SHA-256. Node's own HMAC makes two native objects a call, which for so short a text cost three times the
 * hashing; two plain hashes over the padded key do the same.
 * @see RFC 2104
 */
export class SigningKey {
  /** The padded key, and room for a text. */
  readonly #inner = Buffer.alloc(BLOCK_BYTES + TEXT_BYTES_MAX, 0x36);
  /** The padded key, and room for the inner hash. */
  readonly #outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, 0x5c);

  /** @param key at most 64 bytes. */
  constructor(key: Buffer) {
    for (const [i, byte] of key.entries()) {
      this.#inner[i] = byte ^ 0x36;
      this.#outer[i] = byte ^ 0x5c;
    }
  }

  /** @returns lower-case hex. */
  sign(text: string): string {
    const inner = hash("sha256", this.#padded(text), "hex");
    this.#outer.write(inner, BLOCK_BYTES, "hex");
    return hash("sha256", this.#outer, "hex");
  }

  /** The text behind the padded key. What is signed has some 140 bytes, so the same memory does for nearly all. */
  #padded(text: string): Buffer {
    if (text.length * UTF8_BYTES_MAX > this.#inner.length - BLOCK_BYTES) {
      return Buffer.concat([this.#inner.subarray(0, BLOCK_BYTES), Buffer.from(text, "utf8")]);
    }
    const bytes = this.#inner.write(text, BLOCK_BYTES, "utf8");
    return this.#inner.subarray(0, BLOCK_BYTES + bytes);
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}
