import type { Clock, Frame, Log, ReadLimits, ReadResult, ShardBounds } from "@headwater/log";
import { formatSequenceNumber, kinesisLimits, type HashKeyRange, type ProducerRequest } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import type { StoredShard } from "../catalog/catalog.js";
import { fromLogError } from "./log-failure.js";
import { ProducerMemory, type StoredEntries } from "./producer-memory.js";
import type { StoredEntry } from "./producer-sets.js";
import { PutGate } from "./put-gate.js";
import { ReadLimiter } from "./read-limiter.js";
import { formatShardId } from "./shard-id.js";
import { TokenBucket } from "./token-bucket.js";

/** One record to store. */
export interface PutEntry {
  /** Its number within the request. */
  readonly index: number;
  /** See stored-record.ts. */
  readonly head: Buffer;
  readonly data: Uint8Array;
  /** Partition key and data, as limits count them. */
  readonly bytes: number;
}

/** A record's sequence number, or why it was not stored. */
export type PutOutcome = string | StoredEarlier | CloudError;

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
  /** Says for messages where this is: `shard shardId-… in stream … under account …`. */
  readonly place: string;
  /** Whether to keep to AWS's limits per shard. */
  readonly limited: boolean;
  /** Told when the producers' sets could not be stored in passing; they are tried again as the shard grows. */
  readonly onSaveFailed: (error: unknown) => void;
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
  /** What puts pass through. */
  readonly gate = new PutGate();
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #logName: string;
  /** Where this is, for messages. */
  readonly place: string;
  readonly #producers: ProducerMemory;
  readonly #recordBucket: TokenBucket | undefined;
  readonly #byteBucket: TokenBucket | undefined;
  readonly #reads: ReadLimiter | undefined;

  readonly #onSaveFailed: (error: unknown) => void;

  constructor({ log, clock, shard, place, limited, onSaveFailed }: ShardOwnerOptions) {
    this.#onSaveFailed = onSaveFailed;
    this.shardId = formatShardId(shard.number);
    this.shardNumber = shard.number;
    this.epoch = shard.epoch;
    this.startingHashKey = shard.startingHashKey;
    this.endingHashKey = shard.endingHashKey;
    this.#log = log;
    this.#clock = clock;
    this.#logName = shard.logName;
    this.place = place;
    this.#producers = new ProducerMemory(log, shard);
    if (limited) {
      const now = clock.now();
      this.#recordBucket = new TokenBucket(kinesisLimits.shardInRecordsPerSecond, now);
      this.#byteBucket = new TokenBucket(kinesisLimits.shardInBytesPerSecond, now);
      this.#reads = new ReadLimiter(now);
    }
  }

  /**
   * Stores records in their order, in one append. Resolves after the bytes are synced, with an outcome for each entry;
   * where storing failed, all that were to be stored have that failure as their outcome.
   */
  async put(entries: readonly PutEntry[], producer?: ProducerRequest): Promise<PutOutcome[]> {
    if (producer === undefined) {
      const outcomes: Outcomes = entries.map(() => undefined);
      this.#admit(entries, outcomes, false);
      await this.#append(entries, outcomes);
      return outcomes as PutOutcome[]; // all set by now
    }
    return this.#producers.once(producer, async (accepted) => {
      if (accepted === undefined) return { answer: entries.map(() => this.#forgotten(producer)) };
      const outcomes = entries.map(({ index }) => this.#outcomeOf(accepted.get(index)));
      this.#admit(entries, outcomes, true);
      const stored = await this.#append(entries, outcomes, producer);
      return { answer: outcomes as PutOutcome[], ...(stored === undefined ? {} : { stored }) };
    });
  }

  /**
   * Reads from a position on, within AWS's limits per shard.
   * @throws {CloudError} `throughput-exceeded`, `stream-not-found`.
   */
  async readLimited(position: number, limits: ReadLimits): Promise<ReadResult> {
    if (this.#reads !== undefined && !this.#reads.admit(this.#clock.now())) throw this.#throttled();
    const result = await this.read(position, limits);
    this.#reads?.answered(result.frames.reduce((sum, { data }) => sum + data.length, 0));
    return result;
  }

  /** @throws {CloudError} `stream-not-found`. */
  read(position: number, limits: ReadLimits): Promise<ReadResult> {
    return this.#ask(() => this.#log.read(this.#logName, position, limits));
  }

  /** Resolves once there is something to read at the position, or the shard is gone. */
  grown(position: number, signal: AbortSignal): Promise<void> {
    return this.#ask(() => this.#log.grown(this.#logName, position, signal));
  }

  /** The position of the first record that arrived at or after the time. */
  positionAtTime(arrivalMs: number): Promise<number> {
    return this.#ask(() => this.#log.positionAtTime(this.#logName, arrivalMs));
  }

  /** @throws {CloudError} `stream-not-found`. */
  bounds(): ShardBounds {
    try {
      return this.#log.bounds(this.#logName);
    } catch (error) {
      throw fromLogError(error);
    }
  }

  /** Forgets records that arrived before the time; what the producers' repeats are recognised by is kept. */
  async trimOlderThan(arrivalMs: number): Promise<void> {
    const { oldestArrivalMs } = this.bounds();
    if (oldestArrivalMs === undefined || oldestArrivalMs >= arrivalMs) return;
    const position = await this.positionAtTime(arrivalMs);
    await this.#ask(async () => {
      await this.#producers.saveBeforeTrim(position);
      await this.#log.trimBefore(this.#logName, position);
    });
  }

  /** Stores what the shard knows of its producers. */
  async close(): Promise<void> {
    await this.#ask(() => this.#producers.close());
  }

  sequenceNumber(position: number): string {
    return formatSequenceNumber({ shardEpoch: this.epoch, position, index: 0 });
  }

  #outcomeOf(stored: StoredEntry | undefined): string | StoredEarlier | undefined {
    if (stored === undefined) return undefined;
    const { shard, position } = stored;
    if (shard.epoch === this.epoch) return this.sequenceNumber(position);
    const number = formatSequenceNumber({ shardEpoch: shard.epoch, position, index: 0 });
    return new StoredEarlier(formatShardId(shard.number), number);
  }

  /** Sets the outcome of entries over the limits. With a producer, the first such entry takes the rest along. */
  #admit(entries: readonly PutEntry[], outcomes: Outcomes, stopAtFirst: boolean): void {
    if (this.#recordBucket === undefined || this.#byteBucket === undefined) return;
    const now = this.#clock.now();
    let refusal: CloudError | undefined;
    for (const [i, { bytes }] of entries.entries()) {
      if (outcomes[i] !== undefined) continue;
      const stopped = stopAtFirst && refusal !== undefined;
      if (!stopped && this.#recordBucket.has(1, now) && this.#byteBucket.has(bytes, now)) {
        this.#recordBucket.take(1);
        this.#byteBucket.take(bytes);
      } else {
        refusal ??= this.#throttled();
        outcomes[i] = refusal;
      }
    }
  }

  /** Appends the entries that have no outcome yet, and sets it. */
  async #append(
    entries: readonly PutEntry[],
    outcomes: Outcomes,
    producer?: ProducerRequest,
  ): Promise<StoredEntries | undefined> {
    const frames: Frame[] = [];
    const places: number[] = [];
    const indexes: number[] = [];
    let bytes = 0;
    for (const [i, entry] of entries.entries()) {
      if (outcomes[i] !== undefined) continue;
      const data = [entry.head, entry.data];
      frames.push(producer === undefined ? { data } : { data, origin: { ...producer, entry: entry.index } });
      places.push(i);
      indexes.push(entry.index);
      bytes += entry.bytes;
    }
    if (frames.length === 0) return undefined;
    try {
      const { position } = await this.#log.append(this.#logName, frames);
      for (const [n, i] of places.entries()) outcomes[i] = this.sequenceNumber(position + n);
      if (this.#producers.grew(bytes)) this.#producers.save().catch(this.#onSaveFailed);
      return { entries: indexes, position };
    } catch (error) {
      const failure = fromLogError(error);
      for (const i of places) outcomes[i] = failure;
      return undefined;
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
