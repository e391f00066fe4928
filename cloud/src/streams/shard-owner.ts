import {
  type Appended,
  type Clock,
  type Frame,
  type FramePage,
  type Log,
  pageOf,
  type ReadLimits,
  type ReadMemory,
  type ReadResult,
  type ShardBounds,
  type StoredFrame,
} from "@headwater/log";
import {
  formatSequenceNumber,
  kinesisLimits,
  type HashKeyRange,
  type ProducerRequest,
  sequenceNumbersOf,
} from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import type { ShardEnd, StoredShard } from "../catalog/catalog.js";
import { fromLogError } from "./log-failure.js";
import { ProducerMemory, type StoredEntries } from "./producer-memory.js";
import type { StoredEntry } from "./producer-sets.js";
import { PutGate } from "./put-gate.js";
import type { PutResults } from "./put-results.js";
import { ReadLimiter } from "./read-limiter.js";
import type { RecentRecords } from "./recent-records.js";
import type { RecordBatch } from "./record-batch.js";
import { ShardFlow } from "./shard-flow.js";
import { type PutSettled, ShardPut } from "./shard-put.js";
import { formatShardId } from "./shard-id.js";
import type { PlannedShard } from "./shard-plan.js";
import type { ShardDescription } from "./stream.js";
import { TokenBucket } from "./token-bucket.js";

/** A record's position in the shard, or why it was not stored. */
export type PutOutcome = number | StoredEarlier | CloudError;

/** Of an entry that an ancestor of the shard stored when it was put first. */
export class StoredEarlier {
  constructor(
    readonly shardId: string,
    readonly sequenceNumber: string,
  ) {}
}

export interface ShardOwnerOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly shard: StoredShard;
  /** Those of its parents that are still there. */
  readonly parents: readonly ShardOwner[];
  /** Says for messages where this is: `shard shardId-… in stream … under account …`. */
  readonly place: string;
  /** The same, as AWS says it of readers: `<account>/<stream>/<shard id>`. */
  readonly path: string;
  /** Whether to keep to AWS's limits per shard. */
  readonly limited: boolean;
  /** Told when the producers' sets could not be stored in passing; they are tried again as the shard grows. */
  readonly onSaveFailed: (error: unknown) => void;
  /** Shared by all shards, so that its bound holds for them together. */
  readonly recent: RecentRecords;
}

/**
 * The one place that writes and reads a shard: it holds the shard's token buckets and what it knows of its producers,
 * and makes its sequence numbers. Nothing else appends to the shard's log.
 */
export class ShardOwner implements HashKeyRange {
  readonly shardId: string;
  readonly shardNumber: number;
  readonly epoch: number;
  readonly startingHashKey: bigint;
  readonly endingHashKey: bigint;
  /** Numbers of the shards whose keys it took over. */
  readonly parents: readonly number[];
  /** The shard's name in the log. */
  readonly logName: string;
  /** What went through it since the start. */
  readonly flow = new ShardFlow();
  /** What puts pass through. */
  readonly gate = new PutGate();
  readonly #log: Log;
  readonly #clock: Clock;
  /** Where this is, for messages. */
  readonly place: string;
  readonly #path: string;
  readonly #numberAt: (position: number) => string;
  readonly #producers: ProducerMemory;
  readonly #recordBucket: TokenBucket | undefined;
  readonly #byteBucket: TokenBucket | undefined;
  readonly #reads: ReadLimiter | undefined;

  readonly #onSaveFailed: (error: unknown) => void;
  readonly #recent: RecentRecords;
  #openedMs: number;
  #closed: ShardEnd | undefined;
  #description: ShardDescription | undefined;
  /** Readers that wait for the shard to grow, which a reshard wakes. */
  readonly #waiting = new Set<() => void>();

  constructor({ log, clock, shard, parents, place, path, limited, onSaveFailed, recent }: ShardOwnerOptions) {
    this.#onSaveFailed = onSaveFailed;
    this.#recent = recent;
    this.shardId = formatShardId(shard.number);
    this.shardNumber = shard.number;
    this.epoch = shard.epoch;
    this.#numberAt = sequenceNumbersOf(shard.epoch);
    this.startingHashKey = shard.startingHashKey;
    this.endingHashKey = shard.endingHashKey;
    this.parents = shard.parents;
    this.#openedMs = shard.openedMs ?? 0;
    this.#closed = shard.closed;
    this.#log = log;
    this.#clock = clock;
    this.logName = shard.logName;
    this.place = place;
    this.#path = path;
    this.#producers = new ProducerMemory(
      log,
      shard,
      parents.map((parent) => parent.#producers),
    );
    if (limited) {
      const now = clock.now();
      this.#recordBucket = new TokenBucket(kinesisLimits.shardInRecordsPerSecond, now);
      this.#byteBucket = new TokenBucket(kinesisLimits.shardInBytesPerSecond, now);
      this.#reads = new ReadLimiter(now);
    }
  }

  /**
   * Stores some of a call's records in their order, in one append. Settles after the bytes are synced; where storing
   * failed, all that were to be stored have that failure as their outcome. The gate must be open.
   * @param indexes which records, by their numbers within the request.
   * @param results gets an outcome for each.
   */
  put(records: RecordBatch, indexes: readonly number[], results: PutResults, settled: PutSettled): void {
    const admitted = this.#recordBucket === undefined ? indexes : this.#admitted(records, indexes, results);
    if (admitted.length === 0) {
      settled();
      return;
    }
    this.gate.enter();
    this.#log.appendPacked(this.logName, new ShardPut(this, records, admitted, results, settled));
  }

  /** The same for a producer's records, whose repeats are not stored again. Answers an outcome for each. */
  async putOnce(
    records: RecordBatch,
    indexes: readonly number[],
    producer: ProducerRequest,
  ): Promise<readonly PutOutcome[]> {
    this.gate.enter();
    try {
      return await this.#producers.once(producer, async (accepted) => {
        if (accepted === undefined) return { answer: indexes.map(() => this.#forgotten(producer)) };
        const outcomes = indexes.map((index) => this.#outcomeOf(accepted.get(index)));
        this.#admit(records, indexes, outcomes, true);
        const stored = await this.#appendRest(records, indexes, outcomes, producer);
        return { answer: outcomes as PutOutcome[], ...(stored === undefined ? {} : { stored }) };
      });
    } finally {
      this.gate.leave();
    }
  }

  /** Takes notice of records that are stored now. */
  stored(records: RecordBatch, entries: readonly number[], appended: Appended, producer?: ProducerRequest): void {
    const bytes = this.flow.stored(records, entries);
    if (this.#recent.wants(this.logName, entries.length, bytes)) {
      this.#recent.add(this.logName, storedFrames(records, entries, producer, appended));
    }
    if (this.#producers.grew(appended.position, bytes)) this.#producers.save().catch(this.#onSaveFailed);
  }

  /**
   * Reads from a position on, within AWS's limits per shard.
   * @throws {CloudError} `throughput-exceeded`, `stream-not-found`.
   */
  async readLimited(position: number, limits: ReadLimits, memory?: ReadMemory): Promise<FramePage> {
    if (this.#reads !== undefined && !this.#reads.admit(this.#clock.now())) {
      throw new CloudError("throughput-exceeded", `Rate exceeded for Shard - ${this.#path}`);
    }
    const recent = this.#recent.read(this.logName, position, limits, this.bounds());
    const page =
      recent === undefined
        ? await this.#ask(() => this.#log.readPage(this.logName, position, limits, memory))
        : pageOf(recent);
    this.#reads?.answered(page.payloadBytes);
    return page;
  }

  /** @throws {CloudError} `stream-not-found`. */
  async read(position: number, limits: ReadLimits): Promise<ReadResult> {
    const recent = this.#recent.read(this.logName, position, limits, this.bounds());
    return recent ?? this.#ask(() => this.#log.read(this.logName, position, limits));
  }

  /**
   * Resolves once there is something to read at the position, or the shard is closed or gone.
   * @param signal to be aborted when nobody reads on: where the shard is closed, the log waits until then.
   */
  async grown(position: number, signal: AbortSignal): Promise<void> {
    if (this.#closed !== undefined || this.bounds().next > position) return;
    this.#recent.watch(this.logName);
    let wake!: () => void;
    const closed = new Promise<void>((resolve) => (wake = resolve));
    this.#waiting.add(wake);
    try {
      await Promise.race([this.#log.grown(this.logName, position, signal), closed]);
    } catch (error) {
      throw fromLogError(error);
    } finally {
      this.#waiting.delete(wake);
    }
  }

  /** The position of the first record that arrived at or after the time. */
  positionAtTime(arrivalMs: number): Promise<number> {
    return this.#ask(() => this.#log.positionAtTime(this.logName, arrivalMs));
  }

  /** @throws {CloudError} `stream-not-found`. */
  bounds(): ShardBounds {
    try {
      return this.#log.bounds(this.logName);
    } catch (error) {
      throw fromLogError(error);
    }
  }

  /** Milliseconds since 1970. */
  get openedMs(): number {
    return this.#openedMs;
  }

  /** Notes that the reshard that makes the shard has ended. */
  open(openedMs: number): void {
    this.#openedMs = openedMs;
  }

  /** Where and when it was closed; undefined while it is open. */
  get closed(): ShardEnd | undefined {
    return this.#closed;
  }

  /** Notes that the shard takes no more records; its gate is shut until keys lead elsewhere. */
  end(closed: ShardEnd): void {
    this.#closed = closed;
    this.#description = undefined;
    for (const wake of this.#waiting) wake();
  }

  /** Whether retention has passed a closed shard's end, so that nothing of it can be read. */
  isExpired(horizonMs: number): boolean {
    return this.#closed !== undefined && this.#closed.closedMs < horizonMs;
  }

  /** As plans of reshards see it. */
  get planned(): PlannedShard {
    const { shardNumber: number, startingHashKey, endingHashKey } = this;
    return { number, startingHashKey, endingHashKey };
  }

  /** Made once: listings ask thousands of shards at once. */
  describe(): ShardDescription {
    return (this.#description ??= this.#describe());
  }

  #describe(): ShardDescription {
    const { shardId, startingHashKey, endingHashKey } = this;
    return {
      shardId,
      startingHashKey,
      endingHashKey,
      parents: this.parents.map(formatShardId),
      openedMs: this.openedMs,
      closedMs: this.#closed?.closedMs,
      startingSequenceNumber: this.sequenceNumber(0),
      endingSequenceNumber: this.#closed && this.sequenceNumber(this.#closed.end),
    };
  }

  /** Stores what its ancestors know of their producers with its own, so that these may go. */
  async saveInheritance(): Promise<void> {
    await this.#ask(() => this.#producers.saveWhole());
  }

  /** Forgets records that arrived before the time; what the producers' repeats are recognised by is kept. */
  async trimOlderThan(arrivalMs: number): Promise<void> {
    const { oldestArrivalMs } = this.bounds();
    if (oldestArrivalMs === undefined || oldestArrivalMs >= arrivalMs) return;
    const position = await this.positionAtTime(arrivalMs);
    await this.#ask(async () => {
      await this.#producers.saveBeforeTrim(position);
      await this.#log.trimBefore(this.logName, position);
    });
  }

  /** Stores what the shard knows of its producers. */
  async close(): Promise<void> {
    await this.#ask(() => this.#producers.close());
  }

  sequenceNumber(position: number): string {
    return this.#numberAt(position);
  }

  #outcomeOf(stored: StoredEntry | undefined): number | StoredEarlier | undefined {
    if (stored === undefined) return undefined;
    const { shard, position } = stored;
    if (shard.epoch === this.epoch) return position;
    const number = formatSequenceNumber({ shardEpoch: shard.epoch, position, index: 0 });
    return new StoredEarlier(formatShardId(shard.number), number);
  }

  /** Sets the outcome of records over the limits. With a producer, the first such record takes the rest along. */
  #admit(records: RecordBatch, indexes: readonly number[], outcomes: Outcomes, stopAtFirst: boolean): void {
    if (this.#recordBucket === undefined || this.#byteBucket === undefined) return;
    const now = this.#clock.now();
    let refusal: CloudError | undefined;
    for (const [i, index] of indexes.entries()) {
      if (outcomes[i] !== undefined) continue;
      const bytes = records.limitBytes(index);
      const stopped = stopAtFirst && refusal !== undefined;
      // What is larger than a second's worth goes when the bucket is full, and leaves it in debt.
      const needed = Math.min(bytes, this.#byteBucket.perSecond);
      if (!stopped && this.#recordBucket.has(1, now) && this.#byteBucket.has(needed, now)) {
        this.#recordBucket.take(1);
        this.#byteBucket.take(bytes);
      } else {
        refusal ??= this.#throttled();
        outcomes[i] = refusal;
      }
    }
  }

  /** The records within the limits; refuses the others. */
  #admitted(records: RecordBatch, indexes: readonly number[], results: PutResults): readonly number[] {
    const outcomes: Outcomes = indexes.map(() => undefined);
    this.#admit(records, indexes, outcomes, false);
    const refused = indexes.filter((_, i) => outcomes[i] !== undefined);
    if (refused.length === 0) return indexes;
    results.refused(this, refused, this.#throttled());
    return indexes.filter((_, i) => outcomes[i] === undefined);
  }

  /** Appends the records that have no outcome yet, and sets it. */
  async #appendRest(
    records: RecordBatch,
    indexes: readonly number[],
    outcomes: Outcomes,
    producer: ProducerRequest,
  ): Promise<StoredEntries | undefined> {
    const entries = indexes.filter((_, i) => outcomes[i] === undefined);
    if (entries.length === 0) return undefined;
    const appended = await this.#append(records, entries, producer);
    const rest = outcomesOf(appended, entries.length);
    for (let i = 0, n = 0; i < outcomes.length; i++) outcomes[i] ??= rest[n++];
    return typeof appended === "number" ? { entries, position: appended } : undefined;
  }

  /** @returns the first record's position, or why none was stored. */
  async #append(
    records: RecordBatch,
    entries: readonly number[],
    producer: ProducerRequest,
  ): Promise<number | CloudError> {
    try {
      const appended = await this.#log.append(this.logName, framesOf(records, entries, producer));
      this.stored(records, entries, appended, producer);
      return appended.position;
    } catch (error) {
      return fromLogError(error);
    }
  }

  #throttled(): CloudError {
    return new CloudError("throughput-exceeded", `Rate exceeded for ${this.place}.`);
  }

  #forgotten({ producer, request }: ProducerRequest): CloudError {
    return new CloudError(
      "producer-request-forgotten",
      `Request ${request} of producer ${producer} is older than the requests that ${this.place} remembers; ` +
        "whether it was stored is not known.",
    );
  }

  async #ask<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw fromLogError(error);
    }
  }
}

type Outcomes = (PutOutcome | undefined)[];

/** What became of so many records that were appended together. */
function outcomesOf(appended: number | CloudError, count: number): PutOutcome[] {
  const outcomes: PutOutcome[] = [];
  for (let n = 0; n < count; n++) outcomes.push(typeof appended === "number" ? appended + n : appended);
  return outcomes;
}

function framesOf(records: RecordBatch, indexes: readonly number[], producer: ProducerRequest): Frame[] {
  return indexes.map((index) => ({ data: records.stored(index), origin: { ...producer, entry: index } }));
}

/** What a read would answer of records that were appended; a copy, since their memory is used again. */
function storedFrames(
  records: RecordBatch,
  indexes: readonly number[],
  producer: ProducerRequest | undefined,
  { position, arrivalMs }: Appended,
): StoredFrame[] {
  const stored = indexes.map((index) => records.stored(index));
  // Of their own: in memory that Node shares out, one that is kept would keep kilobytes of others.
  const bytes = Buffer.allocUnsafeSlow(stored.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  return stored.map((record, n) => {
    const data = bytes.subarray(at, (at += record.copy(bytes, at)));
    const origin = producer === undefined ? {} : { origin: { ...producer, entry: indexes[n]! } };
    return { position: position + n, arrivalMs, data, ...origin };
  });
}
