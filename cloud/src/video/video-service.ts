import { randomBytes, randomUUID } from "node:crypto";
import type { Clock, Log } from "@headwater/log";
import type { StoredVideoStream, VideoCatalog } from "../catalog/video-catalog.js";
import { CloudError } from "../cloud-error.js";
import { RepeatedTask } from "../repeated-task.js";
import { fromLogError } from "../streams/log-failure.js";
import { PutMediaFault } from "./put-media/put-media-fault.js";
import { ProducerConnections } from "./producer-connections.js";
import { numberPrefix } from "./store/fragment-number.js";
import { FragmentStore } from "./store/fragment-store.js";
import { VideoError } from "./video-error.js";
import { horizonMs, shardsOf, type VideoStream, type VideoStreamDescription } from "./video-stream.js";
import type { VideoTraffic } from "./video-traffic.js";

const TRIM_INTERVAL_MS = 60_000;
/** Source: Kinesis Video Streams quotas. */
const STREAMS_MAX = 10_000;
const RETENTION_HOURS_MAX = 87_600;

export interface VideoServiceOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly catalog: VideoCatalog;
  readonly accountId: string;
  readonly region: string;
  readonly traffic: VideoTraffic;
  readonly report: (message: string, detail: Readonly<Record<string, unknown>>) => void;
}

export interface NewVideoStream {
  readonly name: string;
  readonly retentionHours: number;
  readonly deviceName: string | undefined;
  readonly mediaType: string | undefined;
  readonly kmsKeyId: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

interface Known {
  stored: StoredVideoStream;
  /** Undefined before it is created whole, and once it is being deleted. */
  stream: VideoStream | undefined;
}

/** Video Streams without the wire: the streams and their life from creation to deletion. */
export class VideoService {
  readonly #options: VideoServiceOptions;
  readonly #known = new Map<string, Known>();
  /** Changes of streams run one after the other. */
  #lastChange: Promise<unknown> = Promise.resolve();
  readonly #background = new Set<Promise<void>>();
  #trimming: RepeatedTask | undefined;

  private constructor(options: VideoServiceOptions) {
    this.#options = options;
  }

  /** Opens what the catalog knows; ends what a crash left half created or half deleted. */
  static async open(options: VideoServiceOptions): Promise<VideoService> {
    const service = new VideoService(options);
    for (const stored of await options.catalog.streams()) {
      const known: Known = { stored, stream: undefined };
      service.#known.set(stored.name, known);
      if (stored.status === "DELETING") service.#removeInBackground(known);
      else await service.#activate(known);
    }
    service.#trimming = new RepeatedTask(() => service.trim(), TRIM_INTERVAL_MS);
    return service;
  }

  get region(): string {
    return this.#options.region;
  }

  get accountId(): string {
    return this.#options.accountId;
  }

  get producers(): number {
    return this.#active().reduce((sum, { producers }) => sum + producers.size, 0);
  }

  get readers(): number {
    return this.#active().reduce((sum, { readers }) => sum + readers.size, 0);
  }

  /** All streams, by name. */
  list(): VideoStreamDescription[] {
    return [...this.#known.values()]
      .sort((a, b) => (a.stored.name < b.stored.name ? -1 : 1))
      .map(({ stored }) => this.#describe(stored));
  }

  /** @throws {CloudError} `stream-not-found`. */
  describe(name: string): VideoStreamDescription {
    return this.#describe(this.#find(name).stored);
  }

  /**
   * The stream's media.
   * @throws {CloudError} `stream-not-found`, also while it is created or deleted.
   */
  stream(name: string): VideoStream {
    const { stream } = this.#find(name);
    if (stream === undefined) throw this.#notFound(name);
    return stream;
  }

  /**
   * Resolves with the stream's ARN once it is durable and takes media.
   * @throws {CloudError} `stream-exists`, `limit-exceeded`, `argument-invalid`, `disk-full`, `disk-failed`.
   */
  create(request: NewVideoStream): Promise<string> {
    return this.#change(async () => {
      const { name } = request;
      checkRetention(request.retentionHours);
      if (this.#known.has(name)) throw new CloudError("stream-exists", `Stream ${name} already exists.`);
      if (this.#known.size >= STREAMS_MAX) {
        throw new CloudError("limit-exceeded", `The account has ${STREAMS_MAX} streams already.`);
      }
      const createdMs = this.#options.clock.now();
      const stored: StoredVideoStream = {
        ...request,
        id: randomUUID(),
        status: "CREATING",
        createdMs,
        version: newVersion(),
      };
      const known: Known = { stored, stream: undefined };
      await this.#options.catalog.put(stored);
      this.#known.set(name, known);
      try {
        await this.#activate(known);
      } catch (error) {
        known.stored = { ...known.stored, status: "DELETING" };
        this.#removeInBackground(known);
        throw fromLogError(error);
      }
      return this.#describe(stored).arn;
    });
  }

  /**
   * Resolves once the deletion is durable; nobody sees the media from then on. The bytes are freed in the background.
   * @throws {CloudError} `stream-not-found`, `stream-busy`. @throws {VideoError} `version-mismatch`.
   */
  delete(name: string, version: string | undefined): Promise<void> {
    return this.#change(async () => {
      const known = this.#findVersion(name, version);
      if (known.stored.status === "DELETING") throw new CloudError("stream-busy", `Stream ${name} is being deleted.`);
      await this.#store(known, { status: "DELETING" });
      const { stream } = known;
      known.stream = undefined;
      if (stream !== undefined) cutAll(stream, new PutMediaFault("STREAM_DELETED", "the stream is deleted"));
      this.#removeInBackground(known);
    });
  }

  /**
   * @param changeHours added to the retention; may be negative.
   * @throws {CloudError} `stream-not-found`, `stream-busy`, `argument-invalid`. @throws {VideoError} `version-mismatch`.
   */
  changeRetention(name: string, version: string, changeHours: number): Promise<void> {
    return this.#change(async () => {
      const known = this.#findVersion(name, version);
      if (known.stored.status !== "ACTIVE") throw new CloudError("stream-busy", `Stream ${name} is not active.`);
      const retentionHours = known.stored.retentionHours + changeHours;
      checkRetention(retentionHours);
      await this.#store(known, { retentionHours });
    });
  }

  /** Forgets the fragments that are past their stream's retention. */
  async trim(): Promise<void> {
    for (const { name, store, horizonMs } of this.#active()) {
      try {
        await store.trim(horizonMs());
      } catch (error) {
        this.#options.report("could not trim a video stream", { stream: name, error });
      }
    }
  }

  /** Drops every producer and reader. Producers send again, elsewhere or later, what is not acknowledged. */
  cutConnections(): Promise<void> {
    for (const stream of this.#active()) cutAll(stream, undefined);
    return Promise.resolve();
  }

  /** Ends what runs in the background. */
  async close(): Promise<void> {
    await this.#trimming?.stop();
    await this.#lastChange;
    await Promise.all(this.#background);
  }

  #active(): VideoStream[] {
    return [...this.#known.values()].flatMap(({ stream }) => stream ?? []);
  }

  /** Makes the shards if they are missing and reads what is in them. */
  async #activate(known: Known): Promise<void> {
    const { log, clock, traffic } = this.#options;
    const { id, name, createdMs } = known.stored;
    const shards = shardsOf(id);
    await log.createShards([shards.media, shards.index]);
    const store = await FragmentStore.open({ log, clock, shards });
    if (store.incomplete > 0) traffic.incomplete(store.incomplete);
    if (known.stored.status !== "ACTIVE") await this.#store(known, { status: "ACTIVE" }, known.stored.version);
    known.stream = {
      id,
      name,
      store,
      shards,
      numberPrefix: numberPrefix(createdMs),
      producers: new ProducerConnections(),
      readers: new Set(),
      retentionHours: () => known.stored.retentionHours,
      horizonMs: () => horizonMs(known.stored, clock.now()),
    };
  }

  async #store(known: Known, changes: Partial<StoredVideoStream>, version = newVersion()): Promise<void> {
    const stored = { ...known.stored, ...changes, version };
    await this.#options.catalog.put(stored);
    known.stored = stored;
  }

  #describe(stored: StoredVideoStream): VideoStreamDescription {
    const { name, createdMs } = stored;
    const { region, accountId } = this.#options;
    return { ...stored, arn: `arn:aws:kinesisvideo:${region}:${accountId}:stream/${name}/${createdMs}` };
  }

  #find(name: string): Known {
    const known = this.#known.get(name);
    if (known === undefined) throw this.#notFound(name);
    return known;
  }

  #findVersion(name: string, version: string | undefined): Known {
    const known = this.#find(name);
    if (version === undefined || version === known.stored.version) return known;
    throw new VideoError("version-mismatch", `The stream's version is not ${version} any more.`);
  }

  #notFound(name: string): CloudError {
    return new CloudError("stream-not-found", `The requested stream is not found or not active: ${name}.`);
  }

  #removeInBackground(known: Known): void {
    const removing = this.#remove(known).catch((error: unknown) => {
      this.#options.report("could not remove a video stream; it is tried again at the next start", {
        stream: known.stored.name,
        error,
      });
    });
    this.#background.add(removing);
    void removing.finally(() => this.#background.delete(removing));
  }

  /** The bytes go first: what the catalog has forgotten nobody would ever free. */
  async #remove({ stored: { id, name } }: Known): Promise<void> {
    const { log, catalog } = this.#options;
    const { media, index } = shardsOf(id);
    const there = new Set(log.shards());
    for (const shard of [index, media]) if (there.has(shard)) await log.deleteShard(shard);
    await catalog.remove(id);
    this.#known.delete(name);
  }

  async #change<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#lastChange.then(change);
    this.#lastChange = changed.then(
      () => undefined,
      () => undefined,
    );
    return changed;
  }
}

/** @param fault what producers hear; without one they are cut and try again elsewhere or later. */
function cutAll({ producers, readers }: VideoStream, fault: PutMediaFault | undefined): void {
  for (const reader of readers) reader.cut();
  for (const producer of producers.all) {
    if (fault === undefined) producer.cut();
    else producer.fail(fault);
  }
}

/** @throws {CloudError} `argument-invalid`. */
function checkRetention(hours: number): void {
  if (hours >= 0 && hours <= RETENTION_HOURS_MAX) return;
  throw new CloudError(
    "argument-invalid",
    `The retention would be ${hours} hours; it must be between 0 and ${RETENTION_HOURS_MAX}.`,
  );
}

function newVersion(): string {
  return randomBytes(10).toString("hex");
}
