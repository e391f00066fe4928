import { createHash, type Hash, hash, webcrypto } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { BodyBytes } from "./body-bytes.js";

/** Of a shorter body, the trip to another thread and back costs more than it saves. */
const APART_BYTES_MIN = 256 << 10;
/** Of bodies that are hashed by other threads at once: Node copies each. */
const APART_BYTES_MAX = 32 << 20;
/** Processors that have instructions for SHA-256 take 1,000 to 2,000 bytes a microsecond, others 100 to 500. */
const QUICK_BYTES_PER_US = 640;

const isProcessorQuick = bytesPerUs() >= QUICK_BYTES_PER_US;
let apartBytes = 0;
const waiting: (() => void)[] = [];

/**
 * Whether a body of this length is better hashed when it is whole, by one of Node's other threads: where the processor has no instructions
 * for it, hashing is half of what a large PutRecords takes of the main thread; where it has, the copy and the trip cost as much.
 */
export function isHashedApart(announced: number): boolean {
  return !isProcessorQuick && announced >= APART_BYTES_MIN;
}

/** The SHA-256 of a body. */
export class BodyHash {
  readonly #hash: Hash | undefined;

  /** @param isApart by another thread when it is whole, instead of as it comes. */
  constructor(isApart: boolean) {
    this.#hash = isApart ? undefined : createHash("sha256");
  }

  update(chunk: Buffer): void {
    this.#hash?.update(chunk);
  }

  /**
   * @param body all that came. It must stay as it is until this is done.
   * @returns lower-case hex.
   */
  digest(body: BodyBytes): string | Promise<string> {
    return this.#hash?.digest("hex") ?? digestApart(body.whole());
  }
}

async function digestApart(bytes: Buffer): Promise<string> {
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

/** How quickly this processor hashes, at its best of a few times: others may be at work. */
function bytesPerUs(): number {
  const sample = Buffer.alloc(APART_BYTES_MIN);
  let leastMs = Infinity;
  for (let i = 0; i < 5; i += 1) {
    const beganMs = performance.now();
    hash("sha256", sample);
    leastMs = Math.min(leastMs, performance.now() - beganMs);
  }
  return sample.length / (leastMs * 1000);
}
