import type { ShardBounds } from "../api.js";
import type { LogFile } from "../files/log-file.js";
import type { Journal } from "../journal/journal.js";
import { ShardSidecar } from "../settle/shard-sidecar.js";
import type { Part } from "./part.js";
import { partPayloadBytes } from "./part.js";

/** Where an owner's state lies. */
export interface StateLocation {
  readonly file: LogFile;
  readonly offset: number;
  readonly bytes: number;
  /** The state covers the frames before this position. */
  readonly position: number;
  /** Rises with each state of the shard: the highest is the newest. */
  readonly number: number;
}

interface Waiter {
  readonly position: number;
  readonly wake: () => void;
}

/** What is known of one shard while the log is open. */
export class Shard {
  /** The position that the next append gets. */
  next = 0;
  /** The position after the last committed frame. */
  committed = 0;
  /** Frames before this position are forgotten. */
  trimmed = 0;
  /** The highest arrival given out, so that the next is not lower. */
  arrivalMs = 0;
  state: StateLocation | undefined;
  /** The highest number given to a state, be it stored or not. */
  stateNumber = 0;
  /** States that wait for their sync. */
  statesPending = 0;
  deleted = false;
  /** Its deletion is being written down, or that has failed: nobody finds it. */
  isLeaving = false;
  /** The shard's segments: those that parts and state lie in, and those that are to be deleted. */
  readonly segments = new Set<LogFile>();
  readonly sidecar: ShardSidecar;
  /** The journal that it appended to last. */
  journal: Journal | undefined;
  /** How many of its frames the batch holds that is being formed. */
  framesInBatch = 0;
  readonly #waiters = new Set<Waiter>();
  readonly #parts: Part[] = [];
  /** Payload bytes of all parts before each; undefined where the list has changed since. */
  #payloadsBefore: readonly number[] | undefined;

  constructor(
    readonly name: string,
    readonly number: number,
  ) {
    this.sidecar = new ShardSidecar(number);
  }

  /** In rising order of position; they do not overlap. Only the last one may grow. */
  get parts(): readonly Part[] {
    return this.#parts;
  }

  /** Puts parts in the place of so many others. */
  replaceParts(from: number, count: number, parts: readonly Part[]): void {
    this.#parts.splice(from, count, ...parts);
    this.#payloadsBefore = undefined;
  }

  /** The first position that a read can return. */
  get first(): number {
    return Math.min(this.committed, Math.max(this.trimmed, this.parts[0]?.first ?? this.committed));
  }

  /** The part that holds a position, or the next one after it. */
  partAt(position: number): Part | undefined {
    return this.parts[this.#partIndexAt(position)];
  }

  #partIndexAt(position: number): number {
    let low = 0;
    let high = this.parts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.parts[middle]!.next <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  bounds(): ShardBounds {
    const first = this.first;
    const oldest = this.partAt(first);
    return {
      first,
      next: this.committed,
      bytes: this.#payloadBytesFrom(first),
      oldestArrivalMs: oldest && first < this.committed ? oldest.index.arrivals[oldest.index.runOf(first)] : undefined,
      lastArrivalMs: first < this.committed ? this.parts.at(-1)?.index.lastArrivalMs : undefined,
    };
  }

  #payloadBytesFrom(position: number): number {
    const at = this.#partIndexAt(position);
    const last = this.parts.length - 1;
    if (at > last) return 0;
    const bytes = partPayloadBytes(this.parts[at]!, position);
    if (at === last) return bytes;
    this.#payloadsBefore ??= sumsBefore(this.parts.slice(0, last));
    return bytes + this.#payloadsBefore[last]! - this.#payloadsBefore[at + 1]! + partPayloadBytes(this.parts[last]!);
  }

  /** Frames up to the position are committed. */
  commitUpTo(position: number): void {
    this.committed = position;
    for (const waiter of this.#waiters) if (waiter.position < position) waiter.wake();
  }

  /** Nobody waits for frames that will not come. */
  delete(): void {
    this.deleted = true;
    for (const waiter of this.#waiters) waiter.wake();
  }

  /** Resolves once a frame at or after the position is committed, or the shard is deleted. */
  grown(position: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.deleted || this.committed > Math.max(position, this.first)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(waiter);
        signal.removeEventListener("abort", abort);
      };
      const waiter = {
        position: Math.max(position, this.first),
        wake: () => {
          leave();
          resolve();
        },
      };
      const abort = () => {
        leave();
        reject(signal.reason);
      };
      this.#waiters.add(waiter);
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}

/** Payload bytes of all parts before each, and of all. */
function sumsBefore(parts: readonly Part[]): number[] {
  const sums = [0];
  for (const part of parts) sums.push(sums.at(-1)! + partPayloadBytes(part));
  return sums;
}
