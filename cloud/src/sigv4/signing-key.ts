import { createHmac } from "node:crypto";
import { type CredentialScope, formatScope } from "./credential-scope.js";

const ENTRIES_MAX = 64;

/** Derives the keys that sign, and keeps the last ones: a key holds for a day, and takes four HMACs to make. */
export class SigningKeys {
  readonly #keys = new Map<string, Buffer>();

  /** The key for one secret and scope. */
  derive(accessKeyId: string, secretAccessKey: string, scope: CredentialScope): Buffer {
    const name = `${accessKeyId}/${formatScope(scope)}`;
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = [scope.date, scope.region, scope.service, scope.terminator].reduce<Buffer>(
      hmac,
      Buffer.from(`AWS4${secretAccessKey}`, "utf8"),
    );
    const oldest = this.#keys.keys().next();
    if (this.#keys.size >= ENTRIES_MAX && oldest.done !== true) this.#keys.delete(oldest.value);
    this.#keys.set(name, key);
    return key;
  }
}

export function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}
