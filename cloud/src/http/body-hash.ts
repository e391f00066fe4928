import { createHash, webcrypto } from "node:crypto";

/** A trip to another thread and back costs as much as hashing some 64 KiB with the processor's own instructions. */
const APART_BYTES_MIN = 256 << 10;
/** Of bodies that are hashed by other threads at once: Node copies each. */
const APART_BYTES_MAX = 32 << 20;

let apartBytes = 0;
const waiting: (() => void)[] = [];

/**
 * The SHA-256 of a body: as it comes, or of a long one when it is whole, by Node's other threads. It takes a fifth of what a large
 * PutRecords takes of the main thread, and several times that where the processor has no instructions for it.
 */
export class BodyHash {
  readonly #hash;

  /** @param announced the body's length, where that is known; else 0. */
  constructor(announced: number) {
    this.#hash = announced < APART_BYTES_MIN ? createHash("sha256") : undefined;
  }

  update(chunk: Buffer): void {
    this.#hash?.update(chunk);
  }

  /**
   * @param whole all that came. It must stay as it is until this is done.
   * @returns lower-case hex.
   */
  digest(whole: Buffer): string | Promise<string> {
    return this.#hash?.digest("hex") ?? hashApart(whole);
  }
}

async function hashApart(bytes: Buffer): Promise<string> {
  while (!hasRoomFor(bytes.length)) await new Promise<void>((resolve) => waiting.push(resolve));
  apartBytes += bytes.length;
  try {
    return Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes)).toString("hex");
  } finally {
    apartBytes -= bytes.length;
    for (const goOn of waiting.splice(0)) goOn();
  }
}

function hasRoomFor(bytes: number): boolean {
  return apartBytes === 0 || apartBytes + bytes <= APART_BYTES_MAX;
}
