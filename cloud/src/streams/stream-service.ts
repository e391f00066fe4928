import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { evenHashKeyRanges, kinesisLimits } from "@headwater/protocol";
import type { Catalog, StoredStream } from "../catalog/catalog.js";
import { CloudError } from "../cloud-error.js";
import { RepeatedTask } from "../repeated-task.js";
import { Consumers } from "./consumers.js";
import { fromLogError } from "./log-failure.js";
import { PutCall, type PutOptions } from "./put-call.js";
import type { PutResults } from "./put-results.js";
import { RecentRecords } from "./recent-records.js";
import type { RecordBatch } from "./record-batch.js";
import { reshard } from "./reshard.js";
import type { ShardPlan } from "./shard-plan.js";
import { deleteFromLog, mendShards, removeExpired } from "./shard-removal.js";
import type { ShardDescription, StreamDescription, StreamMode, StreamRecord, StreamSettings } from "./stream.js";
import { StreamState, type StreamSurroundings } from "./stream-state.js";
import { tailStream } from "./tail.js";
import { WaitingPuts } from "./waiting-puts.js";

/** Shards that all streams together may have. Source: Kinesis Data Streams quotas, us-east-1. */
export const SHARDS_MAX = 20_000;
const TRIM_INTERVAL_MS = 60_000;
/** As many are looked at before others have their turn. */
const SHARDS_AT_ONCE = 500;

/** What the rest of the cloud may ask of Data Streams without going through the wire protocol. */
export interface StreamReader {
  /** All streams, by name. */
  listStreams(): StreamDescription[];
  /** @throws {CloudError} `stream-not-found`. */
  describe(streamName: string): StreamDescription;
  /** @throws {CloudError} `stream-not-found`. */
  shards(streamName: string): ShardDescription[];
  /**
   * Records of all shards from now on, until the signal aborts, the reader stops or the stream goes. Reads from the log
   * as the reader pulls, so a slow reader lags and costs no memory.
   * @throws {CloudError} `stream-not-found`.
   */
  tail(streamName: string, signal: AbortSignal): AsyncIterable<StreamRecord>;
}

export interface NewStreamRequest {
  readonly name: string;
  readonly shardCount: number;
  readonly mode: StreamMode;
  readonly tags: Readonly<Record<string, string>>;
  readonly maxRecordKib?: number;
  readonly warmThroughputMibps?: number;
}

/** Data Streams without the wire: the streams, their life from creation to deletion, and their records' way in. */
export class StreamService implements StreamReader {
  readonly consumers: Consumers;
  readonly #catalog: Catalog;
  readonly #surroundings: StreamSurroundings;
  readonly #streams = new Map<string, StreamState>();
  /** Changes of streams run one after the other. */
  #lastChange: Promise<unknown> = Promise.resolve();
  readonly #background = new Set<Promise<void>>();
  readonly #waitingPuts = new WaitingPuts();
  readonly #recent = new RecentRecords();
  #trimming: RepeatedTask | undefined;

  private constructor(catalog: Catalog, surroundings: StreamSurroundings) {
    this.#catalog = catalog;
    this.#surroundings = surroundings;
    this.consumers = new Consumers({
      catalog,
      clock: surroundings.clock,
      accountId: surroundings.accountId,
      stream: (streamName) => this.describe(streamName),
      change: (change) => this.#change(change),
    });
  }

  /** Opens what the catalog knows; ends what a crash left half created or half deleted. */
  static async open(catalog: Catalog, surroundings: StreamSurroundings): Promise<StreamService> {
    const service = new StreamService(catalog, surroundings);
    const consumers = await catalog.consumers();
    for (const stored of await catalog.streams()) {
      await service.#adopt(stored);
      service.consumers.adopt(service.describe(stored.name), consumers);
    }
    service.#trimming = new RepeatedTask(() => service.trim(), TRIM_INTERVAL_MS);
    return service;
  }

  get accountId(): string {
    return this.#surroundings.accountId;
  }

  get region(): string {
    return this.#surroundings.region;
  }

  listStreams(): StreamDescription[] {
    return [...this.#streams.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map((stream) => stream.describe());
  }

  describe(streamName: string): StreamDescription {
    return this.find(streamName).describe();
  }

  shards(streamName: string): ShardDescription[] {
    return this.find(streamName).describeShards();
  }

  tail(streamName: string, signal: AbortSignal): AsyncIterable<StreamRecord> {
    return tailStream(this.find(streamName), signal);
  }

  /** @throws {CloudError} `stream-not-found`. */
  find(streamName: string): StreamState {
    const stream = this.lookUp(streamName);
    if (stream === undefined) throw this.#notFound(streamName);
    return stream;
  }

  /** For what changes a stream. @throws {CloudError} `stream-not-found`, `stream-busy`. */
  findActive(streamName: string): StreamState {
    const stream = this.find(streamName);
    if (stream.status === "ACTIVE") return stream;
    throw new CloudError(
      "stream-busy",
      `Stream ${streamName} under account ${this.accountId} not ACTIVE, instead in state ${stream.status}`,
    );
  }

  lookUp(streamName: string): StreamState | undefined {
    return this.#streams.get(streamName);
  }

  /**
   * Resolves once the stream is durable and takes records.
   * @throws {CloudError} `stream-exists`, `limit-exceeded`, `disk-full`, `disk-failed`.
   */
  createStream(request: NewStreamRequest): Promise<void> {
    return this.#change(() => this.#create(request));
  }

  /**
   * Resolves once the deletion is durable; the bytes are freed in the background.
   * @throws {CloudError} `stream-not-found`, `stream-busy`.
   */
  deleteStream(streamName: string): Promise<void> {
    return this.#change(async () => {
      const stream = this.find(streamName);
      if (stream.status === "DELETING") {
        throw new CloudError("stream-busy", `Stream ${streamName} under account ${this.accountId} is being deleted.`);
      }
      await this.#catalog.setStatus(stream.id, "DELETING");
      stream.status = "DELETING";
      this.#removeInBackground(stream);
    });
  }

  /**
   * Changes what users may change of a stream; resolves once that is durable. What `change` throws, changes nothing.
   * @throws {CloudError} `stream-not-found`, `stream-busy`.
   */
  changeSettings(streamName: string, change: (settings: StreamSettings) => StreamSettings): Promise<void> {
    return this.#change(async () => {
      const stream = this.findActive(streamName);
      const settings = change(stream.settings);
      await this.#catalog.setSettings(stream.id, settings);
      stream.settings = settings;
    });
  }

  /**
   * Changes how long records are kept. What had expired stays so.
   * @param check gets the hours so far; what it throws, changes nothing.
   * @throws {CloudError} `stream-not-found`, `stream-busy`.
   */
  changeRetention(streamName: string, retentionHours: number, check: (existing: number) => void): Promise<void> {
    return this.changeSettings(streamName, (settings) => {
      check(settings.retentionHours);
      return { ...settings, retentionHours, expiredBeforeMs: this.find(streamName).horizonMs() };
    });
  }

  accountSettings(): Promise<Readonly<Record<string, string>>> {
    return this.#catalog.accountSettings();
  }

  setAccountSetting(name: string, value: string): Promise<void> {
    return this.#catalog.setAccountSetting(name, value);
  }

  /**
   * Splits and merges shards. Resolves once it is durable and keys lead to the new shards.
   * @param planFor gets the stream as it is when its turn has come, and stays until it has planned; what it throws, changes nothing.
   * @param count for UpdateShardCount: gets when it was called, in ms since 1970, and answers what is to be stored of that
   * before anything is tried; what it throws, changes nothing.
   * @throws {CloudError} `stream-not-found`, `stream-busy`, `limit-exceeded`, `disk-full`, `disk-failed`.
   */
  async reshard(
    streamName: string,
    planFor: (stream: StreamState) => ShardPlan | Promise<ShardPlan>,
    count?: (timesMs: readonly number[]) => readonly number[],
  ): Promise<void> {
    this.findActive(streamName); // one that is under way refuses another, instead of letting it wait
    await this.#change(async () => {
      const stream = this.findActive(streamName);
      const planning = planFor(stream);
      // Where there is nothing to wait for, the stream is UPDATING at once.
      const plan = planning instanceof Promise ? await planning : planning;
      this.#checkShardLimit(growthBy(plan));
      if (count !== undefined) {
        const timesMs = count(stream.shardCountUpdatesMs);
        await this.#catalog.setShardCountUpdates(stream.id, timesMs);
        stream.shardCountUpdatesMs = timesMs;
      }
      if (plan.length === 0) return;
      stream.status = "UPDATING";
      try {
        await reshard(stream, plan, this.#catalog, this.#surroundings);
      } finally {
        stream.status = "ACTIVE";
      }
    });
  }

  /**
   * Stores records, one append for each shard that gets some. Resolves after all of it is synced or refused, with a
   * result for each record; the records' memory is used until then.
   * @throws {CloudError} `stream-not-found`. The reason with which `gone` aborts; what did not have to wait is stored.
   */
  async putRecords(streamName: string, records: RecordBatch, options: PutOptions = {}): Promise<PutResults> {
    const stream = this.find(streamName);
    if (!stream.isServing) throw this.#notFound(streamName);
    return new PutCall(stream, records, options, this.#waitingPuts).run();
  }

  /** Forgets the records that are past their stream's retention. */
  async trim(): Promise<void> {
    for (const stream of this.#streams.values()) {
      for (const [i, shard] of stream.shards.entries()) {
        if (!stream.isServing) break;
        // Nothing to do for most of thousands is still a lot for others to wait for.
        if (i % SHARDS_AT_ONCE === 0) await setImmediate();
        try {
          await shard.trimOlderThan(stream.horizonMs());
        } catch (error) {
          this.#surroundings.report("could not trim a shard", { stream: stream.name, shard: shard.shardId, error });
        }
      }
      await this.#removeExpired(stream);
    }
  }

  async #removeExpired(stream: StreamState): Promise<void> {
    if (stream.expiredShards().length === 0) return;
    const { log, report } = this.#surroundings;
    try {
      await this.#change(() => removeExpired(stream, this.#catalog, log));
    } catch (error) {
      report("could not remove closed shards; it is tried again", { stream: stream.name, error });
    }
  }

  /** Stores what the shards know of their producers, and ends what runs in the background. */
  async close(): Promise<void> {
    await this.#trimming?.stop();
    await this.#lastChange;
    await Promise.all(this.#background);
    for (const stream of this.#streams.values()) {
      if (!stream.isServing) continue; // what goes needs no memory
      const closing = await Promise.allSettled(stream.shards.map((shard) => shard.close()));
      for (const result of closing) {
        if (result.status === "rejected" && stream.isServing) {
          this.#surroundings.report("could not store the producers' sets", {
            stream: stream.name,
            error: result.reason as unknown,
          });
        }
      }
    }
  }

  /** The steps and their syncs are in docs/design/sequence-numbers.md: the catalog first, so that a crash is seen. */
  async #create(request: NewStreamRequest): Promise<void> {
    const { name, shardCount, mode, tags, warmThroughputMibps } = request;
    const { maxRecordKib = kinesisLimits.recordBytesMax / 1024 } = request;
    if (this.#streams.has(name)) {
      throw new CloudError("stream-exists", `Stream ${name} under account ${this.accountId} already exists.`);
    }
    this.#checkShardLimit(shardCount);
    const stored = await this.#catalog.addStream({
      id: randomUUID(),
      name,
      status: "CREATING",
      createdMs: this.#surroundings.clock.now(),
      settings: {
        mode,
        retentionHours: kinesisLimits.retentionHoursDefault,
        tags,
        maxRecordKib,
        ...(warmThroughputMibps === undefined ? {} : { warmThroughputMibps }),
        shardLevelMetrics: [],
      },
      hashKeyRanges: evenHashKeyRanges(shardCount),
    });
    const stream = await StreamState.of(stored, this.#surroundings, this.#recent);
    this.#streams.set(name, stream);
    try {
      await this.#finishCreation(stream);
    } catch (error) {
      stream.status = "DELETING";
      this.#removeInBackground(stream);
      throw fromLogError(error);
    }
  }

  async #finishCreation(stream: StreamState): Promise<void> {
    await this.#surroundings.log.createShards(stream.logNames);
    await this.#catalog.setStatus(stream.id, "ACTIVE");
    stream.status = "ACTIVE";
  }

  async #adopt(found: StoredStream): Promise<void> {
    const { log } = this.#surroundings;
    const stored = found.status === "ACTIVE" ? await mendShards(found, this.#catalog, log) : found;
    const stream = await StreamState.of(stored, this.#surroundings, this.#recent);
    this.#streams.set(stored.name, stream);
    if (stored.status === "CREATING") await this.#finishCreation(stream);
    if (stored.status === "DELETING") this.#removeInBackground(stream);
  }

  #checkShardLimit(shardCount: number): void {
    const shards = [...this.#streams.values()].reduce((sum, stream) => sum + stream.openShards.length, 0);
    if (shards + shardCount <= SHARDS_MAX) return;
    throw new CloudError(
      "limit-exceeded",
      `This request would exceed the shard limit for the account ${this.accountId} in ${this.region}. ` +
        `Current shard count for the account: ${shards}. Limit: ${SHARDS_MAX}. ` +
        `Number of additional shards that would have resulted from this request: ${shardCount}. ` +
        "Refer to the AWS Service Limits page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) " +
        "for current limits and how to request higher limits.",
    );
  }

  #removeInBackground(stream: StreamState): void {
    const removing = this.#remove(stream).catch((error: unknown) => {
      this.#surroundings.report("could not remove a stream; it is tried again at the next start", {
        stream: stream.name,
        error,
      });
    });
    this.#background.add(removing);
    void removing.finally(() => this.#background.delete(removing));
  }

  /** The bytes go first: what the catalog has forgotten nobody would ever free. */
  async #remove(stream: StreamState): Promise<void> {
    const stored = await this.#catalog.stream(stream.id);
    const logNames = stored?.shards.map(({ logName }) => logName) ?? stream.logNames;
    await deleteFromLog(this.#surroundings.log, logNames);
    await this.#catalog.removeStream(stream.id);
    this.#streams.delete(stream.name);
    this.consumers.forget(stream.id);
  }

  async #change<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#lastChange.then(change);
    this.#lastChange = changed.then(
      () => undefined,
      () => undefined,
    );
    return changed;
  }

  #notFound(streamName: string): CloudError {
    return new CloudError("stream-not-found", `Stream ${streamName} under account ${this.accountId} not found.`);
  }
}

/** By how many more shards are open after a reshard: each split adds one, each merge takes one. */
function growthBy(plan: ShardPlan): number {
  return plan.reduce((sum, { parents }) => sum + (parents.length === 1 ? 1 / 2 : -1), 0);
}
