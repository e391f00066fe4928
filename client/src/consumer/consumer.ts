import { ByteBudget } from "../byte-budget.js";
import { ClientError } from "../client-error.js";
import { type Clock, systemClock } from "../clock.js";
import { AwsStreamApi } from "../kinesis/aws-stream-api.js";
import type { StreamApi } from "../kinesis/stream-api.js";
import { DynamoDbLeaseStore } from "../leases/dynamodb-lease-store.js";
import type { Holding } from "../leases/holding.js";
import { LeaseKeeper } from "../leases/lease-keeper.js";
import type { LeaseStore } from "../leases/lease-store.js";
import { syncShards } from "../leases/shard-sync.js";
import { Patience } from "../patience.js";
import { sharedController } from "../shared-controller.js";
import { Wake } from "../wake.js";
import type { ConsumerStatus } from "./consumer-event.js";
import { type CheckedOptions, checkOptions, type ConsumerOptions } from "./consumer-options.js";
import type { ConsumerRecord } from "./consumer-record.js";
import { FanOutSource } from "./fan-out-source.js";
import { PollSource } from "./poll-source.js";
import { ShardLane, type TakenBatch } from "./shard-lane.js";
import { runShard } from "./shard-run.js";
import type { ShardSource } from "./shard-source.js";

/** What a consumer works with: the real ones, or a test's. */
export interface ConsumerParts {
  readonly api: StreamApi;
  readonly store: LeaseStore;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
}

/** A service that is being started is waited for; an address where there is none has to show. */
const OPEN_MS = 60_000;

/** Records of one shard, in order. */
export interface ConsumerBatch {
  readonly shardId: string;
  readonly records: readonly ConsumerRecord[];
  /** Aborted once another worker has the shard, or may have: what is done from then on is done there, too. */
  readonly lost: AbortSignal;
}

/**
 * One worker of an application: reads its share of a stream's shards, each in order and each child after its parents, and
 * remembers how far it is. See docs/guide/consumers.md, and for what is promised docs/design/consumers.md.
 */
export class Consumer implements AsyncIterable<ConsumerRecord> {
  readonly #options: CheckedOptions;
  readonly #parts: ConsumerParts;
  readonly #budget: ByteBudget;
  readonly #patience: Patience;
  readonly #source: ShardSource;
  readonly #keeper: LeaseKeeper;
  readonly #lanes = new Map<string, ShardLane>();
  readonly #runs = new Set<Promise<void>>();
  /** Loops end and nothing more is read. */
  readonly #stop = sharedController();
  /** Leases are neither taken nor renewed any more. */
  readonly #unkept = sharedController();
  /** Leases are given back. */
  readonly #closing = sharedController();
  /** Nothing may take longer. */
  readonly #end = sharedController();
  readonly #ready = new Wake();
  readonly #background: Promise<unknown>[] = [];
  #failure: { readonly error: unknown } | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: CheckedOptions, parts: ConsumerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#budget = new ByteBudget(options.bufferBytesMax);
    const { store, clock, random } = parts;
    const { stream, application, worker, failoverTimeMs, report } = options;
    const onFailure = (error: ClientError, shardId?: string): void =>
      report({ type: "failure", error, ...(shardId === undefined ? {} : { shardId }) });
    this.#patience = new Patience({ clock, random, onFailure });
    const reading = { ...parts, stream, budget: this.#budget, patience: this.#patience, onFailure };
    this.#source =
      options.read === "fan-out" ? new FanOutSource({ ...reading, name: application }) : new PollSource(reading);
    this.#keeper = new LeaseKeeper({
      store,
      worker,
      clock,
      failoverTimeMs,
      random,
      onTaken: (holding) => this.#start(holding),
      onRenewed: () => this.#ready.all(),
      onFailure,
    });
  }

  /**
   * Finds the stream and the leases, and begins to read. Calls that fail for now are made again for a minute.
   * @throws {ClientError} what the first calls fail with, such as `not-found` and `forbidden`.
   */
  static async open(options: ConsumerOptions, parts: ConsumerParts = realParts(options)): Promise<Consumer> {
    const consumer = new Consumer(checkOptions(options), parts);
    await consumer.#open(options.signal);
    return consumer;
  }

  /** Record by record. A record is done when the loop asks for the next one (with automatic checkpoints). */
  async *[Symbol.asyncIterator](): AsyncGenerator<ConsumerRecord, void, undefined> {
    for (let found = await this.#next(); found !== undefined; found = await this.#next()) {
      const { lane, batch } = found;
      let done = 0;
      try {
        for (const record of batch.records) {
          if (!lane.isOpen || this.#stop.signal.aborted) break;
          yield record;
          done++;
          this.#noteDone(lane, record);
        }
      } finally {
        lane.settle(batch, done);
      }
    }
  }

  /**
   * Batch by batch, each of one shard. Several loops may run at once: a shard's batches go to one of them at a time. A batch is
   * done when its loop asks for the next one (with automatic checkpoints).
   */
  async *batches(): AsyncGenerator<ConsumerBatch, void, undefined> {
    for (let found = await this.#next(); found !== undefined; found = await this.#next()) {
      const { lane, batch } = found;
      let done = 0;
      try {
        yield { shardId: lane.holding.shardId, records: batch.records, lost: lane.holding.lost };
        done = batch.records.length;
        const last = batch.records.at(-1);
        if (last !== undefined) this.#noteDone(lane, last);
      } finally {
        lane.settle(batch, done);
      }
    }
  }

  status(): ConsumerStatus {
    const nowMs = this.#parts.clock.wallMs();
    return {
      shards: [...this.#lanes.values()].map((lane) => ({
        shardId: lane.holding.shardId,
        behindMs: lane.behindMs(nowMs),
        bufferedBytes: lane.bytes,
        checkpoint: lane.holding.done.sequenceNumber,
      })),
      bufferedBytes: this.#budget.taken,
    };
  }

  /** Loops end after the record or batch they are at. Leases stay until {@link close}. */
  stop(): void {
    this.#stop.abort(new ClientError("closed", "the consumer stops"));
  }

  /**
   * Stops, stores what is done and gives the leases back, for at most `failoverTimeMs`. Call it after the loops have ended: what a
   * loop is still at does not count as done.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #open(signal: AbortSignal | undefined): Promise<void> {
    const { api, store, clock } = this.#parts;
    if (signal?.aborted === true) this.stop();
    signal?.addEventListener("abort", () => this.stop(), { once: true, signal: this.#end.signal });
    try {
      const stop = this.#stop.signal;
      const deadlineMs = clock.monotonicMs() + OPEN_MS;
      // No table is made for a stream that is not there.
      await this.#patience.with(() => api.nowMs(this.#options.stream, stop), stop, deadlineMs);
      await this.#patience.with(() => store.open(stop), stop, deadlineMs);
      await this.#sync(stop, deadlineMs);
      await this.#patience.with(() => this.#source.open(stop), stop, deadlineMs);
    } catch (error) {
      // Stopped before it began: its loops end at once.
      if (this.#stop.signal.aborted) return;
      await this.close();
      throw error;
    }
    this.#background.push(
      this.#guard(this.#keeper.run(this.#unkept.signal)),
      this.#guard(this.#syncNowAndThen(this.#stop.signal)),
    );
  }

  async #close(): Promise<void> {
    const { api, store, clock } = this.#parts;
    this.stop();
    this.#unkept.abort();
    this.#closing.abort();
    await Promise.all(this.#background);
    const late = clock.sleep(this.#options.failoverTimeMs, this.#end.signal).then(
      () => this.#end.abort(new ClientError("timed-out", "giving back the leases took too long")),
      () => undefined,
    );
    await this.#leave(this.#end.signal);
    while (this.#runs.size > 0) await Promise.all(this.#runs);
    this.#end.abort();
    await late;
    store.close();
    api.close();
  }

  async #leave(signal: AbortSignal): Promise<void> {
    if (this.#background.length === 0) return; // it did not begin
    await this.#patience
      .with(() => this.#keeper.leave(signal), signal)
      .catch((error: unknown) => {
        if (!(error instanceof ClientError)) throw error;
      });
  }

  async #next(): Promise<{ readonly lane: ShardLane; readonly batch: TakenBatch } | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#stop.signal.aborted) return undefined;
      for (const [shardId, lane] of this.#lanes) {
        const batch = lane.take();
        if (batch === undefined) continue;
        // To the end of the line.
        this.#lanes.delete(shardId);
        this.#lanes.set(shardId, lane);
        return { lane, batch };
      }
      // A stop and a failure look again, too.
      await this.#ready.next(this.#stop.signal).catch(() => undefined);
    }
  }

  #noteDone(lane: ShardLane, { sequenceNumber, subSequenceNumber }: ConsumerRecord): void {
    if (this.#options.checkpoints === "automatic") lane.holding.noteDone({ sequenceNumber, subSequenceNumber });
  }

  #start(holding: Holding): void {
    const run = this.#guard(this.#run(holding)).finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  async #run(holding: Holding): Promise<void> {
    const { shardId } = holding;
    const [stop, closing, end] = [this.#stop.signal, this.#closing.signal, this.#end.signal];
    const lane = new ShardLane({
      holding,
      budget: this.#budget,
      batchRecordsMax: this.#options.batchRecordsMax,
      storeNow: () => holding.store(end),
      onReady: () => this.#ready.all(),
    });
    this.#lanes.set(shardId, lane);
    try {
      const { report } = this.#options;
      const [source, patience] = [this.#source, this.#patience];
      const sync = (signal: AbortSignal): Promise<void> => this.#sync(signal);
      const isOver = await runShard(lane, { ...this.#parts, source, patience, sync, report, stop, closing, end });
      if (isOver) this.#keeper.wake();
    } finally {
      if (this.#lanes.get(shardId) === lane) this.#lanes.delete(shardId);
    }
  }

  async #sync(signal: AbortSignal, deadlineMs?: number): Promise<void> {
    const { api, store } = this.#parts;
    const { stream, start } = this.#options;
    await this.#patience.with(() => syncShards({ api, stream, store, start }, signal), signal, deadlineMs);
  }

  async #syncNowAndThen(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    for (;;) {
      await clock.sleep(this.#options.shardSyncMs * (0.5 + random()), signal);
      await this.#sync(signal);
      this.#keeper.wake();
    }
  }

  /** What nobody awaits: its failure is what the loops fail with. */
  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#failure ??= { error };
      // Should the program go on without `close`, it keeps nothing from the other workers.
      this.#unkept.abort();
      this.stop();
    }
  }
}

function realParts({ aws = {}, application, leases }: ConsumerOptions): ConsumerParts {
  return {
    api: new AwsStreamApi(aws),
    store: leases ?? new DynamoDbLeaseStore({ ...aws, table: application }),
    clock: systemClock,
    random: Math.random,
  };
}
