import type { HashKeyRange } from "@headwater/protocol";
import type { ByteBudget } from "../byte-budget.js";
import type { RawRecord, RecordPage } from "../kinesis/stream-api.js";
import type { Holding } from "../leases/holding.js";
import { type Checkpoint, compareCheckpoints } from "../leases/lease.js";
import { recordBytes } from "../record-bytes.js";
import { Wake } from "../wake.js";
import { type ConsumerRecord, type PlainRecord, unpack } from "./consumer-record.js";
import type { SourceSink } from "./shard-source.js";

export interface ShardLaneOptions {
  readonly holding: Holding;
  readonly budget: ByteBudget;
  /** A batch ends with the Kinesis record that reaches it. */
  readonly batchRecordsMax: number;
  /** Stores a checkpoint that was asked for. */
  readonly storeNow: () => Promise<void>;
  /** There may be something to take. */
  readonly onReady: () => void;
}

/** Records of one shard that a loop has. */
export interface TakenBatch {
  readonly records: readonly ConsumerRecord[];
  /** Memory that it takes. */
  readonly bytes: number;
}

/**
 * Between one shard's reader and the loops: what was read and is not done, in order. One loop at a time has a batch of it.
 */
export class ShardLane implements SourceSink {
  readonly #options: ShardLaneOptions;
  readonly #range: HashKeyRange;
  readonly #changed = new Wake();
  #queue: RawRecord[] = [];
  #queueBytes = 0;
  /** What a loop gave back without being done with it. */
  #returned: { readonly records: readonly ConsumerRecord[]; readonly bytes: number } | undefined;
  #taken: TakenBatch | undefined;
  /** Of the record that was handed out last. */
  #last: Checkpoint | undefined;
  #isAtEnd = false;
  #isClosed = false;
  #behindMs = 0;
  #strays = 0;

  constructor(options: ShardLaneOptions) {
    this.#options = options;
    const { startingHashKey, endingHashKey } = options.holding.lease;
    this.#range = { startingHashKey: BigInt(startingHashKey), endingHashKey: BigInt(endingHashKey) };
  }

  get holding(): Holding {
    return this.#options.holding;
  }

  /** Records of aggregates that were left out since they are another shard's. */
  get strays(): number {
    return this.#strays;
  }

  /** Memory of what waits and of what a loop has. */
  get bytes(): number {
    return this.#queueBytes + (this.#returned?.bytes ?? 0) + (this.#taken?.bytes ?? 0);
  }

  /** How long ago the oldest record arrived that is not done, or how far behind the tip the reader is. */
  behindMs(nowMs: number): number {
    const oldest = this.#taken?.records[0] ?? this.#returned?.records[0] ?? this.#queue[0];
    return oldest === undefined ? this.#behindMs : Math.max(this.#behindMs, nowMs - oldest.arrivedMs);
  }

  /** Takes in what was read. @returns the memory that it takes, which was the reader's until now. */
  offer({ records, behindMs }: Omit<RecordPage, "nextIterator">): number {
    this.#behindMs = behindMs;
    if (this.#isClosed) return 0;
    const bytes = this.bytesOf(records);
    this.#queue.push(...records);
    this.#queueBytes += bytes;
    if (records.length > 0) this.#options.onReady();
    return bytes;
  }

  bytesOf(records: readonly RawRecord[]): number {
    let bytes = 0;
    for (const record of records) bytes += recordBytes(record);
    return bytes;
  }

  /** Everything was read: the shard is closed. */
  end(): void {
    this.#isAtEnd = true;
    this.#changed.all();
  }

  /** Whether records may still be handed out: the shard is this worker's, and nobody waits for it. */
  get isOpen(): boolean {
    return !this.#isClosed && this.holding.isHeld && !this.holding.asked.aborted;
  }

  /** The next records, for one loop until it settles them; undefined where there are none or a loop has some. */
  take(): TakenBatch | undefined {
    if (this.#taken !== undefined || !this.isOpen) return undefined;
    this.#taken = this.#returned ?? this.#unpackNext();
    this.#returned = undefined;
    return this.#taken;
  }

  /** A loop has finished with the first `doneCount` records of its batch, or has them no longer. */
  settle(batch: TakenBatch, doneCount: number): void {
    if (this.#taken !== batch) throw new TypeError("not the batch that was taken");
    this.#taken = undefined;
    const rest = batch.records.slice(doneCount);
    if (rest.length > 0 && !this.#isClosed) this.#returned = { records: rest, bytes: batch.bytes };
    else this.#options.budget.giveBack(batch.bytes);
    this.#changed.all();
    this.#options.onReady();
  }

  /** Until everything up to the shard's end is done. @throws the signal's reason once it is aborted. */
  async allDone(signal: AbortSignal): Promise<void> {
    while (!this.#isAllDone()) await this.#changed.next(signal);
  }

  /** Until no loop has anything of it. @throws the signal's reason once it is aborted. */
  async idle(signal: AbortSignal): Promise<void> {
    while (this.#taken !== undefined) await this.#changed.next(signal);
  }

  /** Forgets what waits. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.budget.giveBack(this.#queueBytes + (this.#returned?.bytes ?? 0));
    this.#queue = [];
    this.#queueBytes = 0;
    this.#returned = undefined;
  }

  #isAllDone(): boolean {
    const { done } = this.holding;
    const isLastDone = this.#last === undefined || compareCheckpoints(done, this.#last) >= 0;
    const isEmpty = this.#queue.length === 0 && this.#returned === undefined && this.#taken === undefined;
    return this.#isAtEnd && isEmpty && isLastDone;
  }

  #unpackNext(): TakenBatch | undefined {
    const { batchRecordsMax, budget } = this.#options;
    const records: ConsumerRecord[] = [];
    let bytes = 0;
    let count = 0;
    for (; count < this.#queue.length && records.length < batchRecordsMax; count++) {
      const raw = this.#queue[count];
      if (raw === undefined) break;
      const after = this.#last ?? this.holding.done;
      const unpacked = unpack(raw, this.holding.shardId, this.#range, after);
      this.#strays += unpacked.strays;
      bytes += recordBytes(raw);
      for (const record of unpacked.records) records.push(this.#own(record));
    }
    this.#queue.splice(0, count);
    this.#queueBytes -= bytes;
    const last = records.at(-1);
    if (last === undefined) {
      // Nothing of it is for anybody.
      budget.giveBack(bytes);
      this.#changed.all();
      return undefined;
    }
    this.#last = { sequenceNumber: last.sequenceNumber, subSequenceNumber: last.subSequenceNumber };
    return { records, bytes };
  }

  #own(record: PlainRecord): ConsumerRecord {
    const { sequenceNumber, subSequenceNumber } = record;
    const checkpoint = async (): Promise<void> => {
      this.holding.noteDone({ sequenceNumber, subSequenceNumber });
      this.#changed.all();
      await this.#options.storeNow();
    };
    return { ...record, checkpoint };
  }
}
