import { kinesisLimits } from "@headwater/protocol";
import { RepeatedTask } from "../repeated-task.js";
import type { Flow } from "../streams/shard-flow.js";
import type { ShardOwner } from "../streams/shard-owner.js";
import type { StreamService } from "../streams/stream-service.js";
import type { StreamState } from "../streams/stream-state.js";
import { type Aged, AgedBytes } from "./aged-bytes.js";
import type { HourlyUsage, UsageStore } from "./sqlite-usage.js";
import { HOUR_MS, hourOf, type StreamUsage, sumOfUsage, type Usage } from "./usage.js";

const SAMPLE_MS = 60_000;
/** Samples come every minute; who was stopped for longer, as with the machine asleep, served nothing in between. */
const SAMPLE_MS_MAX = 5 * SAMPLE_MS;

const noFlow: Flow = {
  bytes: 0,
  records: 0,
  roundedBytes: 0,
  payloadUnits: 0,
  bytesRead: 0,
  longTermBytesRead: 0,
  bytesPushed: 0,
};
const flowMembers = Object.keys(noFlow) as readonly (keyof Flow)[];

export interface MeterSurroundings {
  readonly service: StreamService;
  readonly store: UsageStore;
  readonly now: () => number;
  /** A clock that nobody sets, in ms: hours are counted by it. */
  readonly monotonicMs: () => number;
  readonly report: (message: string, detail: Readonly<Record<string, unknown>>) => void;
}

/**
 * Counts what AWS would charge for. Shards count what flows; once a minute and at the end, this takes up the difference and
 * stores it with its hour. A crash loses up to a minute. See docs/reference/usage.md.
 */
export class UsageMeter {
  readonly #surroundings: MeterSurroundings;
  readonly #agedBytes: AgedBytes;
  readonly #flows = new WeakMap<ShardOwner, Flow>();
  readonly #task: RepeatedTask;
  #sampledMs: number;
  /** Measured and not stored yet, by hour, stream and mode. */
  #pending = new Map<string, HourlyUsage>();
  #storing: Promise<void> = Promise.resolve();

  constructor(surroundings: MeterSurroundings) {
    this.#surroundings = surroundings;
    this.#agedBytes = new AgedBytes(surroundings.store);
    this.#sampledMs = surroundings.monotonicMs();
    this.#task = new RepeatedTask(() => this.#storeOrReport(), SAMPLE_MS);
  }

  /** Measures up to now, and stores it. @throws {Error} where that fails; nothing is lost by it. */
  store(): Promise<void> {
    // One after the other: what is being stored is not pending, and must be again if it fails.
    this.#storing = this.#storing.catch(() => undefined).then(() => this.#store());
    return this.#storing;
  }

  /**
   * What was used up to now.
   * @param fromMs begins an hour, as `toMs` does.
   */
  async total(fromMs: number, toMs: number): Promise<StreamUsage[]> {
    await this.store();
    return this.#surroundings.store.total(fromMs, toMs);
  }

  async stop(): Promise<void> {
    await this.#task.stop();
    await this.#storeOrReport();
  }

  #storeOrReport(): Promise<void> {
    const { report } = this.#surroundings;
    return this.store().catch((error: unknown) => report("could not store usage", { error }));
  }

  async #store(): Promise<void> {
    await this.#sample();
    const rows = this.#pending;
    this.#pending = new Map();
    try {
      await this.#surroundings.store.add([...rows.values()]);
    } catch (error) {
      for (const row of rows.values()) this.#add(row);
      throw error;
    }
  }

  async #sample(): Promise<void> {
    const { now, monotonicMs } = this.#surroundings;
    const aged = new Map<StreamState, Aged>();
    for (const stream of this.#serving()) aged.set(stream, await this.#agedBytes.of(stream, now()));
    const sampledMs = monotonicMs();
    const elapsedMs = Math.min(Math.max(0, sampledMs - this.#sampledMs), SAMPLE_MS_MAX);
    this.#sampledMs = sampledMs;
    const hourMs = hourOf(now());
    for (const stream of this.#serving()) {
      const usage = this.#usageOf(stream, elapsedMs, aged.get(stream));
      this.#add({ hourMs, streamName: stream.name, mode: stream.settings.mode, ...usage });
    }
  }

  #serving(): StreamState[] {
    const { service } = this.#surroundings;
    return service.listStreams().flatMap(({ name }) => {
      const stream = service.lookUp(name);
      return stream?.isServing === true ? [stream] : [];
    });
  }

  #usageOf(stream: StreamState, elapsedMs: number, aged: Aged | undefined): Usage {
    const { service, now } = this.#surroundings;
    const streamMs = Math.round(Math.max(0, Math.min(elapsedMs, now() - stream.createdMs)));
    const shardMs = streamMs * stream.openShards.length;
    const isExtended = stream.settings.retentionHours > kinesisLimits.retentionHoursDefault;
    const flowed = this.#flowed(stream);
    return {
      records: flowed.records,
      bytesIn: flowed.bytes,
      roundedBytesIn: flowed.roundedBytes,
      payloadUnits: flowed.payloadUnits,
      bytesOut: flowed.bytesRead,
      longTermBytesOut: flowed.longTermBytesRead,
      fanOutBytes: flowed.bytesPushed,
      streamMs,
      shardMs,
      extendedShardMs: isExtended ? shardMs : 0,
      consumerShardMs: shardMs * service.consumers.of(stream.name).length,
      extendedByteHours: Math.round(((aged?.extendedBytes ?? 0) * streamMs) / HOUR_MS),
      longTermByteHours: Math.round(((aged?.longTermBytes ?? 0) * streamMs) / HOUR_MS),
    };
  }

  /** What flowed through the stream's shards since this was asked before. In one sum: there may be thousands of them. */
  #flowed({ shards }: StreamState): Flow {
    const flowed = { ...noFlow };
    for (const shard of shards) {
      const before = this.#flows.get(shard) ?? noFlow;
      const now = shard.flow.snapshot();
      this.#flows.set(shard, now);
      for (const name of flowMembers) flowed[name] += now[name] - before[name];
    }
    return flowed;
  }

  #add(row: HourlyUsage): void {
    const key = `${row.hourMs} ${row.mode} ${row.streamName}`;
    const known = this.#pending.get(key);
    this.#pending.set(key, known === undefined ? row : { ...row, ...sumOfUsage(known, row) });
  }
}
