import { createHmac, hash } from "node:crypto";
import { type CredentialScope, formatScope } from "./credential-scope.js";

const ENTRIES_MAX = 64;
/** Of SHA-256. */
const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;

/** Derives the keys that sign, and keeps the last ones: a key holds for a day, and takes four HMACs to make. */
export class SigningKeys {
  readonly #keys = new Map<string, SigningKey>();

  /** The key for one secret and scope. */
  derive(accessKeyId: string, secretAccessKey: string, scope: CredentialScope): SigningKey {
    const name = `${accessKeyId}/${formatScope(scope)}`;
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const parts = [scope.date, scope.region, scope.service, scope.terminator];
    const key = new SigningKey(parts.reduce<Buffer>(hmac, Buffer.from(`AWS4${secretAccessKey}`, "utf8")));
    const oldest = this.#keys.keys().next();
    if (this.#keys.size >= ENTRIES_MAX && oldest.done !== true) this.#keys.delete(oldest.value);
    this.#keys.set(name, key);
    return key;
  }
}

/**
 * Signs text with HMAC-SHA-256. Node's own HMAC makes two native objects a call, which for so short a text cost three times the
 * hashing; two plain hashes over the padded key do the same.
 * @see RFC 2104
 */
export class SigningKey {
  readonly #inner = Buffer.alloc(BLOCK_BYTES, 0x36);
  /** The padded key, and room for the inner hash. */
  readonly #outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, 0x5c);

  /** @param key at most 64 bytes. */
  constructor(key: Buffer) {
    for (const [i, byte] of key.entries()) {
      this.#inner[i] = byte ^ 0x36;
      this.#outer[i] = byte ^ 0x5c;
    }
  }

  sign(text: string): Buffer {
    const inner = hash("sha256", Buffer.concat([this.#inner, Buffer.from(text, "utf8")]), "hex");
    this.#outer.write(inner, BLOCK_BYTES, "hex");
    return Buffer.from(hash("sha256", this.#outer, "hex"), "hex");
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}
