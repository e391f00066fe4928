import { CloudError } from "../cloud-error.js";
import type { RequestMemory } from "../request-memory.js";
import { BodyHash, isHashedApart } from "./body-hash.js";
import { RequestTurns } from "./request-turns.js";

export interface BodyLimits {
  readonly bytesMax: number;
  /** Longest silence between two chunks. */
  readonly idleMs: number;
  /** Longest time for the whole body. */
  readonly totalMs: number;
}

/** A body and its SHA-256 (lower-case hex). */
export interface RequestBody {
  readonly bytes: Buffer;
  readonly sha256: string;
}

export interface GatheringOptions {
  /** Its length, where that is known; else 0. */
  readonly announced: number;
  readonly limits: BodyLimits;
  /** Where a large body goes; without it, into a buffer of its own. */
  readonly memory?: RequestMemory | undefined;
  /** Told at once when nothing more is wanted: the body is whole, or will never be. */
  readonly onOver?: (failure: CloudError | undefined) => void;
}

/** A body of more goes into memory of the request's own, as it comes; a smaller one into a buffer, where one chunk is not all of it. */
export const GATHERED_BYTES_MIN = 64 << 10;
const NOTHING = Buffer.alloc(0);

/** Thousands may have begun together, and be too slow together. */
const turns = new RequestTurns();

/**
 * A body as it comes, whatever brings it. Watches over its size and progress. The chunks are copied: who sends byte by byte would
 * have hundreds of bytes held for each.
 */
export class GatheredBody {
  /** Rejects with a {@link CloudError}: `request-too-large`, `request-too-slow`, `request-incomplete`. */
  readonly whole: Promise<RequestBody>;
  readonly #options: GatheringOptions;
  /** What came, and room for more; or the first chunk, which mostly is all. */
  #bytes: Buffer;
  readonly #hash: BodyHash;
  readonly #idle: NodeJS.Timeout;
  readonly #total: NodeJS.Timeout;
  #length = 0;
  #isOver = false;
  #resolve!: (body: RequestBody) => void;
  #reject!: (failure: Error) => void;

  constructor(options: GatheringOptions) {
    const { announced, limits, memory } = options;
    this.#options = options;
    this.#hash = new BodyHash(isHashedApart(announced));
    this.#bytes = (announced > GATHERED_BYTES_MIN ? memory?.take(announced) : undefined) ?? NOTHING;
    this.whole = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const tooSlow = (): void => turns.begin(this, () => this.fail(requestTooSlow()));
    this.#idle = setTimeout(tooSlow, limits.idleMs);
    this.#total = setTimeout(tooSlow, limits.totalMs);
  }

  push(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#idle.refresh();
    const { announced, limits } = this.#options;
    const from = this.#length;
    this.#length += chunk.length;
    if (this.#length > limits.bytesMax) return this.fail(tooLarge(limits.bytesMax));
    if (announced > 0 && this.#length > announced) return this.fail(clientGone());
    this.#hash.update(chunk);
    if (this.#bytes.length === 0) this.#bytes = chunk;
    else {
      if (this.#bytes.length < this.#length) this.#grow();
      chunk.copy(this.#bytes, from);
    }
  }

  #grow(): void {
    const { announced, limits } = this.#options;
    const room = Buffer.allocUnsafe(announced > 0 ? announced : Math.min(2 * this.#length, limits.bytesMax));
    this.#bytes.copy(room);
    this.#bytes = room;
  }

  /** It has come to its end. */
  end(): void {
    if (this.#isOver) return;
    this.#over(undefined);
    const bytes = this.#bytes.subarray(0, this.#length);
    const sha256 = this.#hash.digest(bytes);
    if (typeof sha256 === "string") this.#resolve({ bytes, sha256 });
    else sha256.then((text) => this.#resolve({ bytes, sha256: text }), this.#reject);
  }

  fail(failure: CloudError): void {
    if (this.#isOver) return;
    this.#over(failure);
    this.#reject(failure);
  }

  #over(failure: CloudError | undefined): void {
    this.#isOver = true;
    clearTimeout(this.#idle);
    clearTimeout(this.#total);
    this.#options.onOver?.(failure);
  }
}

/** The client left before its request was complete. */
export function clientGone(cause?: Error): CloudError {
  return new CloudError("request-incomplete", "The client went away before its request was complete.", { cause });
}

function requestTooSlow(): CloudError {
  return new CloudError("request-too-slow", "The request body came too slowly.");
}

export function tooLarge(bytesMax: number): CloudError {
  return new CloudError("request-too-large", `The request body is larger than ${bytesMax} bytes.`);
}
