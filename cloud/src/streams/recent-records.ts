import type { ReadLimits, ReadResult, ShardBounds, StoredFrame } from "@headwater/log";

/** All shards together. */
const BYTES_MAX = 32 << 20;
/** Of one shard: an event's worth. Who lets more come before reading it may as well read the log. */
const SHARD_BYTES_MAX = 256 << 10;
/** What a record costs in memory beside its bytes, about; a shard without records, too. */
const OVERHEAD_BYTES = 200;

/** What one shard took since a reader came to its end: all of it, without a hole. */
interface Tail {
  readonly frames: StoredFrame[];
  bytes: number;
}

/**
 * What was stored since a reader came to its shard's end, so that it need not go through the disk again for what the
 * cloud has just written. Only what is synced, as the log shows it; bounded in bytes.
 */
export class RecentRecords {
  readonly #bytesMax: number;
  /** By the shard's name in the log, the one whose end was reached longest ago first. */
  readonly #tails = new Map<string, Tail>();
  #bytes = 0;

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** A reader is at the shard's end: what is stored from now on is kept, as far as there is room. */
  watch(logName: string): void {
    this.#forget(logName);
    this.#tails.set(logName, { frames: [], bytes: OVERHEAD_BYTES });
    this.#bytes += OVERHEAD_BYTES;
    for (const oldest of this.#tails.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#forget(oldest);
    }
  }

  /** Whether somebody may be waiting for so many records. Otherwise they need not be copied. */
  wants(logName: string, count: number, bytes: number): boolean {
    const tail = this.#tails.get(logName);
    if (tail === undefined) return false;
    const added = count * OVERHEAD_BYTES + bytes;
    if (tail.bytes + added <= SHARD_BYTES_MAX && this.#bytes + added <= this.#bytesMax) return true;
    this.#forget(logName); // a hole would be worse
    return false;
  }

  /** Keeps what the shard has just stored and synced, if it is wanted and follows what is kept. */
  add(logName: string, frames: readonly StoredFrame[]): void {
    const tail = this.#tails.get(logName);
    if (tail === undefined) return;
    const newest = tail.frames.at(-1);
    if (newest !== undefined && newest.position + 1 !== frames[0]?.position) {
      this.#forget(logName);
      return;
    }
    const bytes = frames.reduce((sum, { data }) => sum + data.length + OVERHEAD_BYTES, 0);
    tail.frames.push(...frames);
    tail.bytes += bytes;
    this.#bytes += bytes;
  }

  /** What the log would answer; undefined where only the log knows. */
  read(logName: string, position: number, limits: ReadLimits, bounds: ShardBounds): ReadResult | undefined {
    const frames = this.#tails.get(logName)?.frames ?? [];
    const [oldest, newest] = [frames[0], frames.at(-1)];
    if (oldest === undefined || newest?.position !== bounds.next - 1) return undefined;
    if (position < Math.max(oldest.position, bounds.first) || position >= bounds.next) return undefined;
    const wanted = frames.slice(position - oldest.position);
    const taken = wanted.slice(0, countWithin(wanted, limits));
    return { frames: taken, next: position + taken.length };
  }

  #forget(logName: string): void {
    this.#bytes -= this.#tails.get(logName)?.bytes ?? 0;
    this.#tails.delete(logName);
  }
}

/** How many of the frames a read answers: at least one. */
function countWithin(frames: readonly StoredFrame[], limits: ReadLimits): number {
  let bytes = 0;
  const over = frames.findIndex(({ data }, i) => {
    bytes += data.length;
    return i > 0 && (i >= limits.frames || bytes > limits.bytes);
  });
  return over < 0 ? frames.length : over;
}
