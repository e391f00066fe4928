import { findByHashKey } from "@headwater/protocol";
import type { PutEntry, UpstreamShard } from "./upstream.js";

/** A record of the spool on its way upstream. */
export interface QueuedRecord extends PutEntry {
  readonly position: number;
  readonly hashKey: bigint;
}

/** Records of one shard that go in one request. */
export interface Batch {
  readonly shardId: string;
  readonly records: readonly QueuedRecord[];
}

export interface StreamQueueLimits {
  /** Of one request. */
  readonly batchRecordsMax: number;
  /** Data and partition keys of one request; a single record may have more. */
  readonly batchBytesMax: number;
  /** Records that are held in memory. */
  readonly windowBytesMax: number;
  /** Positions between the oldest undelivered record and the newest that was read. */
  readonly aheadMax: number;
}

interface ShardLane {
  readonly shardId: string;
  /** By position. */
  queue: QueuedRecord[];
  inFlight: Batch | undefined;
  /** First position of a batch that has its answer, until the answer is on disk. */
  unrecordedFrom: number | undefined;
  /** Halved while requests are refused as a whole, so that the one to blame is found. */
  recordsMax: number;
}

/**
 * Which of a stream's records go next, and to which shard: one request for each shard at a time, in the spool's order, and
 * nothing of a shard overtakes what it rejected. No input, no output, no time.
 * See docs/design/identity-and-order.md, invariants 4 to 6.
 */
export class StreamQueue {
  readonly #shards: readonly (UpstreamShard & { readonly lane: ShardLane })[];
  readonly #lanes: ReadonlyMap<string, ShardLane>;
  readonly #done: ReadonlySet<number>;
  readonly #limits: StreamQueueLimits;
  #cursor: number;
  #windowBytes = 0;

  /**
   * @param shards cover all hash keys, rising.
   * @param from position of the first record that is not released.
   * @param done positions beyond it that are delivered already.
   */
  constructor(shards: readonly UpstreamShard[], from: number, done: ReadonlySet<number>, limits: StreamQueueLimits) {
    this.#limits = limits;
    this.#shards = shards.map((shard) => ({
      ...shard,
      lane: {
        shardId: shard.shardId,
        queue: [],
        inFlight: undefined,
        unrecordedFrom: undefined,
        recordsMax: limits.batchRecordsMax,
      },
    }));
    this.#lanes = new Map(this.#shards.map(({ shardId, lane }) => [shardId, lane]));
    this.#cursor = from;
    this.#done = new Set(done);
  }

  /** The position to read from next. */
  get cursor(): number {
    return this.#cursor;
  }

  /** How many bytes may be read now; 0 while the window is full. A shard that lags stops the others only then. */
  get roomBytes(): number {
    if (this.#cursor - this.released() >= this.#limits.aheadMax) return 0;
    return Math.max(0, this.#limits.windowBytesMax - this.#windowBytes);
  }

  /** Whether the position is delivered already, so that its frame need not be decoded. */
  isDone(position: number): boolean {
    return this.#done.has(position);
  }

  /** Takes in what was read from {@link cursor} on; positions before `next` that are not among them are nobody's. */
  offer(records: readonly QueuedRecord[], next: number): void {
    for (const record of records) {
      const lane = findByHashKey(this.#shards, record.hashKey)?.lane;
      if (lane === undefined) throw new TypeError("the shards do not cover all hash keys");
      lane.queue.push(record);
      this.#windowBytes += bytesOf(record);
    }
    this.#cursor = next;
  }

  /** The next request for a shard; undefined while one is in flight or there is nothing to send. */
  take(shardId: string): Batch | undefined {
    const lane = this.#lane(shardId);
    if (lane.inFlight !== undefined || lane.queue.length === 0) return undefined;
    let bytes = 0;
    let count = 0;
    for (const record of lane.queue) {
      bytes += bytesOf(record);
      if (count === lane.recordsMax || (count > 0 && bytes > this.#limits.batchBytesMax)) break;
      count++;
    }
    lane.inFlight = { shardId, records: lane.queue.splice(0, count) };
    return lane.inFlight;
  }

  /**
   * A request has its answer. What is undelivered goes back to the front, in order.
   * @returns the position up to which everything will be released once this answer is on disk.
   */
  settle(batch: Batch, undelivered: readonly number[]): number {
    const lane = this.#laneOf(batch);
    lane.inFlight = undefined;
    const back = new Set(undelivered);
    for (const [i, record] of batch.records.entries()) if (!back.has(i)) this.#windowBytes -= bytesOf(record);
    lane.queue = [...batch.records.filter((_, i) => back.has(i)), ...lane.queue];
    const released = this.released();
    lane.unrecordedFrom = batch.records[0]?.position;
    return released;
  }

  /** The answer to the shard's last request is on disk. */
  recorded(shardId: string): void {
    this.#lane(shardId).unrecordedFrom = undefined;
  }

  /** Every record before this position is delivered, and on disk as such. */
  released(): number {
    let released = this.#cursor;
    for (const lane of this.#lanes.values()) {
      const first = lane.unrecordedFrom ?? lane.inFlight?.records[0]?.position ?? lane.queue[0]?.position;
      if (first !== undefined && first < released) released = first;
    }
    return released;
  }

  /** The request was refused as a whole: the next has half of its records. @returns false where there was only one. */
  halve(batch: Batch): boolean {
    if (batch.records.length === 1) return false;
    this.#laneOf(batch).recordsMax = Math.ceil(batch.records.length / 2);
    return true;
  }

  /** A request went through: the next may be larger again. */
  grow(shardId: string): void {
    const lane = this.#lane(shardId);
    lane.recordsMax = Math.min(this.#limits.batchRecordsMax, lane.recordsMax * 2);
  }

  #laneOf(batch: Batch): ShardLane {
    const lane = this.#lane(batch.shardId);
    if (lane.inFlight !== batch) throw new TypeError("not the request that is in flight");
    return lane;
  }

  #lane(shardId: string): ShardLane {
    const lane = this.#lanes.get(shardId);
    if (lane === undefined) throw new TypeError(`no shard ${shardId}`);
    return lane;
  }
}

/** What counts towards the limits of a request. */
function bytesOf({ data, partitionKey }: PutEntry): number {
  return data.length + Buffer.byteLength(partitionKey);
}
