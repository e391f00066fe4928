import { createHash } from "node:crypto";
import { CloudError } from "../cloud-error.js";
import type { RequestMemory } from "../request-memory.js";
import { RequestTurns } from "./request-turns.js";

export interface BodyLimits {
  readonly bytesMax: number;
  /** Longest silence between two chunks. */
  readonly idleMs: number;
  /** Longest time for the whole body. */
  readonly totalMs: number;
}

/** A body and its SHA-256 (lower-case hex), hashed as it came. */
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

/** A body of more goes into memory of the request's own, as it comes; of a smaller one the chunks do. */
export const GATHERED_BYTES_MIN = 64 << 10;

/** Thousands may have begun together, and be too slow together. */
const turns = new RequestTurns();

/** A body as it comes, whatever brings it. Watches over its size and progress. */
export class GatheredBody {
  /** Rejects with a {@link CloudError}: `request-too-large`, `request-too-slow`, `request-incomplete`. */
  readonly whole: Promise<RequestBody>;
  readonly #options: GatheringOptions;
  readonly #slab: Buffer | undefined;
  readonly #chunks: Buffer[] = [];
  readonly #sha256 = createHash("sha256");
  readonly #idle: NodeJS.Timeout;
  readonly #total: NodeJS.Timeout;
  #length = 0;
  #isOver = false;
  #resolve!: (body: RequestBody) => void;
  #reject!: (failure: CloudError) => void;

  constructor(options: GatheringOptions) {
    const { announced, limits, memory } = options;
    this.#options = options;
    this.#slab = announced > GATHERED_BYTES_MIN ? memory?.take(announced) : undefined;
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
    this.#sha256.update(chunk);
    if (this.#slab === undefined) this.#chunks.push(chunk);
    else if (this.#length <= announced) chunk.copy(this.#slab, from);
    else this.fail(clientGone());
  }

  /** It has come to its end. */
  end(): void {
    if (this.#isOver) return;
    this.#over(undefined);
    const [chunks, length] = [this.#chunks, this.#length];
    const only = chunks.length === 1 ? chunks[0] : undefined;
    const bytes = this.#slab?.subarray(0, length) ?? only ?? Buffer.concat(chunks, length);
    this.#resolve({ bytes, sha256: this.#sha256.digest("hex") });
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
