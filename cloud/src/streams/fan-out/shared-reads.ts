import type { ReadLimits, ReadResult } from "@headwater/log";
import type { ShardOwner } from "../shard-owner.js";

/**
 * What one event holds at most: an eighth of a second's worth of the rate at which a consumer is served, so that it flows, and
 * so little that writing it, for all consumers of a shard at once, holds up others for milliseconds only. A larger record is alone.
 */
const eventLimits: ReadLimits = { frames: 1000, bytes: 256 * 1024 };

/** All pages together. */
const CACHE_BYTES_MAX = 32 << 20;
/** What a record costs in memory beside its bytes, about. */
const FRAME_OVERHEAD_BYTES = 200;

type SharedShard = Pick<ShardOwner, "logName" | "read" | "bounds">;

interface Page {
  readonly result: Promise<ReadResult>;
  /** Zero until it was read. */
  bytes: number;
  /** Behind its last record; undefined until it was read. */
  next: number | undefined;
  /** Whether another read from here would find as much, however the shard has grown since. */
  isFull: boolean;
}

/**
 * Reads for many subscriptions: those that stand at the same place, as all do that have caught up, share one read of the log.
 * What was read last is kept, in a bounded number of bytes, for those that come a little later.
 */
export class SharedReads {
  readonly #bytesMax: number;
  /** By shard and position, the one used longest ago first. */
  readonly #pages = new Map<string, Page>();
  #bytes = 0;

  constructor(bytesMax = CACHE_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /**
   * An event's worth of records from a position on, which is before the shard's end.
   * @throws {CloudError} `stream-not-found`, `disk-failed`, `server-stopping`.
   */
  async read(shard: SharedShard, position: number): Promise<ReadResult> {
    const key = `${position} ${shard.logName}`;
    const known = this.#pages.get(key);
    if (known !== undefined && (known.next === undefined || known.isFull || known.next === shard.bounds().next)) {
      this.#pages.delete(key);
      this.#pages.set(key, known);
      return known.result;
    }
    this.#forget(key);
    const page: Page = { result: shard.read(position, eventLimits), bytes: 0, next: undefined, isFull: false };
    this.#pages.set(key, page);
    try {
      const { frames, next } = await page.result;
      page.next = next;
      page.isFull = next < shard.bounds().next;
      if (this.#pages.get(key) !== page) return await page.result;
      page.bytes = frames.reduce((sum, { data }) => sum + data.length + FRAME_OVERHEAD_BYTES, 0);
      this.#bytes += page.bytes;
      this.#shrink();
      return await page.result;
    } catch (error) {
      if (this.#pages.get(key) === page) this.#forget(key);
      throw error;
    }
  }

  #shrink(): void {
    for (const key of this.#pages.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#pages.get(key)?.bytes ?? 0;
    this.#pages.delete(key);
  }
}
