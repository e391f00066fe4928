import type { Log } from "@headwater/log";
import { Refusal } from "../gateway-error.js";
import type { Session } from "../listener/session.js";
import type { GatewayMetrics } from "../metrics.js";
import { SpoolRoom } from "./spool-room.js";
import { StreamSpool, type StreamSpoolOptions } from "./stream-spool.js";

export interface SpoolOptions {
  readonly log: Log;
  /** What its shards' names begin with; the stream's name follows. */
  readonly prefix: "stream/" | "video/";
  readonly bytesMax: number;
  /** How long a message waits for room before its connection is ended. */
  readonly waitMs: number;
  readonly streamsMax: number;
  readonly metrics: GatewayMetrics;
  readonly onCommitted: (count: { readonly records: number; readonly bytes: number }) => void;
  /** For what goes wrong beside the appends. */
  readonly onTrouble: (error: unknown) => void;
  /** A stream's first record is on its way. */
  readonly onStream: (name: string, spool: StreamSpool) => void;
}

const MiB = 1024 * 1024;
const SNAPSHOT_BYTES = 32 * MiB;
const TRIM_BYTES_MAX = 8 * MiB;
/** Devices' spools remembered for each stream. */
const LANES_MAX = 20_000;
const TRIMS_AT_A_TIME = 16;

type Use = (stream: StreamSpool) => Promise<void>;

/** Everything of one kind, records or video, that waits for the upstream: a shard of the log for each stream. */
export class Spool {
  readonly room: SpoolRoom;
  readonly #options: SpoolOptions;
  readonly #streams = new Map<string, StreamSpool>();
  /** {@link bytes} as last counted and what came since: every message asks, and counting takes long where streams are many. */
  #usedBytes = 0;
  /** Streams being made, and who waits for them, in order. */
  readonly #making = new Map<
    string,
    { readonly session: Session; readonly run: () => void; readonly refuse: (reason: Refusal) => void }[]
  >();

  private constructor(options: SpoolOptions) {
    this.#options = options;
    this.room = new SpoolRoom({
      bytesMax: options.bytesMax,
      waitMs: options.waitMs,
      usedBytes: () => this.#usedBytes,
    });
  }

  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(options);
    const { log, prefix } = options;
    for (const shard of log.shards()) {
      if (shard.startsWith(prefix)) await spool.#open(shard.slice(prefix.length));
    }
    spool.#usedBytes = spool.bytes;
    return spool;
  }

  get streams(): ReadonlyMap<string, StreamSpool> {
    return this.#streams;
  }

  /** Payload bytes held. */
  get bytes(): number {
    let bytes = 0;
    for (const stream of this.#streams.values()) bytes += stream.bytes;
    return bytes;
  }

  get bytesMax(): number {
    return this.#options.bytesMax;
  }

  /** Records that wait. */
  get records(): number {
    let records = 0;
    for (const stream of this.#streams.values()) records += stream.records;
    return records;
  }

  /** Whether a record of this stream can be taken: there is a bound on their number. */
  hasPlaceFor(name: string): boolean {
    return (
      this.#streams.has(name) ||
      this.#making.has(name) ||
      this.#streams.size + this.#making.size < this.#options.streamsMax
    );
  }

  /** Calls `use` with the stream's spool: at once, or once it is made, in the order of the calls. */
  withStream(session: Session, name: string, use: Use): Promise<void> {
    const stream = this.#streams.get(name);
    const others = this.#making.get(name);
    if (stream !== undefined && others === undefined) return use(stream);
    return new Promise((resolve, reject) => {
      const run = (): void => {
        // It was made before this is called.
        const made = this.#streams.get(name);
        if (made !== undefined) use(made).then(resolve, reject);
      };
      const waiting = { session, run, refuse: reject };
      if (others !== undefined) {
        others.push(waiting);
        return;
      }
      this.#making.set(name, [waiting]);
      void this.#make(name);
    });
  }

  /** Forgets what is released; called every second or so. @throws {LogError} the first of those that fail. */
  async sweep(): Promise<void> {
    const streams = [...this.#streams.values()].filter(({ hasReleased }) => hasReleased);
    const results: PromiseSettledResult<void>[] = [];
    // Side by side they share syncs, but their watermarks wait in memory for them.
    while (streams.length > 0) {
      results.push(...(await Promise.allSettled(streams.splice(0, TRIMS_AT_A_TIME).map((stream) => stream.trim()))));
    }
    this.#usedBytes = this.bytes;
    this.room.poke();
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #make(name: string): Promise<void> {
    let refusal: Refusal | undefined;
    try {
      await this.#options.log.createShards([this.#options.prefix + name]);
      await this.#open(name);
    } catch (error) {
      refusal = new Refusal("disk-failed", "the stream's spool cannot be made", { cause: error });
      this.#options.onTrouble(error);
    }
    // Nobody else may come between those who wait: they are served in this turn.
    for (const { session, run, refuse } of this.#making.get(name) ?? []) {
      if (refusal !== undefined) session.fail(refusal);
      if (session.failure === undefined) run();
      else refuse(session.failure);
    }
    this.#making.delete(name);
  }

  async #open(name: string): Promise<void> {
    const { log, prefix, bytesMax, metrics, onCommitted, onTrouble, onStream } = this.#options;
    const options: StreamSpoolOptions = {
      log,
      shard: prefix + name,
      snapshotBytes: SNAPSHOT_BYTES,
      trimBytes: Math.min(TRIM_BYTES_MAX, bytesMax / 8),
      lanesMax: LANES_MAX,
      onCommitted: (count) => {
        onCommitted(count);
        this.#usedBytes += count.bytes;
      },
      onForgotten: (lanes) => metrics.watermarksForgotten.inc(lanes),
      onTrouble,
    };
    const stream = await StreamSpool.open(options);
    this.#streams.set(name, stream);
    onStream(name, stream);
  }
}
