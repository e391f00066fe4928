import { setTimeout as delay } from "node:timers/promises";
import { type Frame, type Log, LogError } from "@headwater/log";

/** How much one append may carry: more records than that would hold up everybody else while they are written. */
const BATCH_BYTES_MAX = 4 << 20;
const BATCH_RECORDS_MAX = 1024;
/** What a record takes in memory beside its data; frames may be of a byte each. */
const RECORD_OVERHEAD_BYTES = 512;
/** A log with too many bytes waiting is asked again so often, so long. */
const OVERLOADED_RETRY_MS = 20;
const OVERLOADED_PATIENCE_MS = 30_000;

/** Told a record's position once it is synced, or undefined after a failure. */
type Stored = (position: number | undefined) => void;

interface Queued {
  readonly data: readonly Uint8Array[];
  readonly bytes: number;
  readonly stored: Stored | undefined;
}

/**
 * The way of one connection's records into the media shard: in order, one append at a time, everything that came in the
 * meantime with the next. After a failure it takes nothing more.
 */
export class MediaAppender {
  readonly #log: Log;
  readonly #shard: string;
  readonly #signal: AbortSignal;
  readonly #onFailure: (error: unknown) => void;
  #queue: Queued[] = [];
  #appending: readonly Queued[] = [];
  #pendingBytes = 0;
  #isRunning = false;
  #hasFailed = false;
  #waiting: { readonly bytes: number; readonly resolve: () => void } | undefined;

  /**
   * @param signal once it aborts, an overloaded log is not waited for any more: that is a failure at once.
   * @param onFailure called at most once, with what the log threw.
   */
  constructor(log: Log, shard: string, signal: AbortSignal, onFailure: (error: unknown) => void) {
    this.#log = log;
    this.#shard = shard;
    this.#signal = signal;
    this.#onFailure = onFailure;
  }

  /** Bytes of memory that wait to be synced. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  add(data: readonly Uint8Array[], stored?: Stored): void {
    if (this.#hasFailed) {
      stored?.(undefined);
      return;
    }
    const bytes = data.reduce((sum, { length }) => sum + length, RECORD_OVERHEAD_BYTES);
    this.#queue.push({ data, bytes, stored });
    this.#pendingBytes += bytes;
    if (!this.#isRunning) void this.#run();
  }

  /** Resolves once no more than this many bytes are pending, or after a failure. One call at a time. */
  async below(bytes: number): Promise<void> {
    if (this.#pendingBytes <= bytes || this.#hasFailed) return;
    await new Promise<void>((resolve) => {
      this.#waiting = { bytes, resolve };
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // What is added in this turn of the loop goes with the first append.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0) await this.#appendBatch();
    } catch (error) {
      this.#hasFailed = true;
      const lost = [...this.#appending, ...this.#queue];
      this.#queue = [];
      this.#pendingBytes = 0;
      this.#onFailure(error);
      for (const { stored } of lost) stored?.(undefined);
    }
    this.#isRunning = false;
    this.#wake();
  }

  async #appendBatch(): Promise<void> {
    let bytes = 0;
    let count = 0;
    for (const queued of this.#queue) {
      if (count === BATCH_RECORDS_MAX || (count > 0 && bytes + queued.bytes > BATCH_BYTES_MAX)) break;
      bytes += queued.bytes;
      count += 1;
    }
    const batch = this.#queue.splice(0, count);
    this.#appending = batch;
    const position = await this.#append(batch.map(({ data }) => ({ data })));
    this.#appending = [];
    this.#pendingBytes -= bytes;
    for (const [i, { stored }] of batch.entries()) stored?.(position + i);
    this.#wake();
  }

  async #append(frames: readonly Frame[]): Promise<number> {
    const startedMs = performance.now();
    for (;;) {
      try {
        const { position } = await this.#log.append(this.#shard, frames);
        return position;
      } catch (error) {
        const isPatient = !this.#signal.aborted && performance.now() - startedMs < OVERLOADED_PATIENCE_MS;
        if (!(error instanceof LogError && error.code === "overloaded" && isPatient)) throw error;
        // One that is aborted tries a last time: the log may have room by now.
        await delay(OVERLOADED_RETRY_MS, undefined, { signal: this.#signal }).catch(() => undefined);
      }
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || (this.#pendingBytes > waiting.bytes && !this.#hasFailed)) return;
    this.#waiting = undefined;
    waiting.resolve();
  }
}
