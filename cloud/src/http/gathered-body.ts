import { CloudError } from "../cloud-error.js";
import type { RequestMemory } from "../request-memory.js";
import type { BodyBytes } from "./body-bytes.js";
import { BodyHash, isHashedApart } from "./body-hash.js";
import { BodyPieces } from "./body-pieces.js";
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
  readonly bytes: BodyBytes;
  readonly sha256: string;
}

export interface GatheringOptions {
  /** Its length, where that is known; else 0. */
  readonly announced: number;
  readonly limits: BodyLimits;
  /** Where goes what is copied of it; without it, into buffers of its own. */
  readonly memory?: RequestMemory | undefined;
  /** Told at once when nothing more is wanted: the body is whole, or will never be. */
  readonly onOver?: (failure: CloudError | undefined) => void;
}

/** Thousands may have begun together, and be too slow together. */
const turns = new RequestTurns();

/** A body as it comes, whatever brings it. Watches over its size and progress. */
export class GatheredBody {
  /** Rejects with a {@link CloudError}: `request-too-large`, `request-too-slow`, `request-incomplete`. */
  readonly whole: Promise<RequestBody>;
  readonly #options: GatheringOptions;
  readonly #pieces: BodyPieces;
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
    this.#pieces = new BodyPieces(announced > 0 ? announced : limits.bytesMax, memory);
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
    this.#length += chunk.length;
    if (this.#length > limits.bytesMax) return this.fail(tooLarge(limits.bytesMax));
    if (announced > 0 && this.#length > announced) return this.fail(clientGone());
    this.#hash.update(chunk);
    this.#pieces.push(chunk);
  }

  /** It has come to its end. */
  end(): void {
    if (this.#isOver) return;
    this.#over(undefined);
    const bytes = this.#pieces.end();
    const sha256 = this.#hash.digest(bytes);
    if (typeof sha256 === "string") this.#resolve({ bytes, sha256 });
    else sha256.then((text) => this.#resolve({ bytes, sha256: text }), this.#reject);
  }

  fail(failure: CloudError): void {
    if (this.#isOver) return;
    this.#over(failure);
    this.#pieces.drop(); // who has failed may still be known for a while, to be told so
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
