import { kinesisLimits } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { RepeatedTask } from "../repeated-task.js";
import { bordersOnDemand, type ShardLoad } from "./on-demand.js";
import { planBorders } from "./shard-plan.js";
import type { ShardOwner } from "./shard-owner.js";
import type { StreamService } from "./stream-service.js";
import type { StreamState } from "./stream-state.js";
import { highestPeak, noPeaks, notePeak, type WritePeaks } from "./write-peaks.js";

/** Over which throughput is measured. */
const WINDOW_MS = 10_000;
/** For so long a stream is measured before shards are taken away, after it began or became one on demand. */
const PATIENCE_MS = 24 * 60 * 60 * 1000;

interface Sample {
  readonly bytes: number;
  readonly records: number;
}

/** Splits and merges the shards of streams on demand as they are written to; see docs/design/on-demand.md. */
export class OnDemandScaling {
  readonly #service: StreamService;
  readonly #now: () => number;
  readonly #report: (message: string, detail: Readonly<Record<string, unknown>>) => void;
  readonly #samples = new WeakMap<ShardOwner, Sample>();
  readonly #task: RepeatedTask;
  #sampledMs: number;

  /** @param report hears of streams that could not be scaled; it is tried again with the next window. */
  constructor(
    service: StreamService,
    now: () => number,
    report: (message: string, detail: Readonly<Record<string, unknown>>) => void,
  ) {
    this.#service = service;
    this.#now = now;
    this.#report = report;
    this.#sampledMs = now();
    // What was written before is no part of the first window.
    for (const { name } of service.listStreams()) this.#measure(service.find(name), 1);
    this.#task = new RepeatedTask(() => this.scale(), WINDOW_MS);
  }

  /** Ends a window: measures what was written in it, and scales what needs it. */
  async scale(): Promise<void> {
    const nowMs = this.#now();
    const elapsedS = (nowMs - this.#sampledMs) / 1000;
    this.#sampledMs = nowMs;
    for (const { name } of this.#service.listStreams()) {
      const stream = this.#service.lookUp(name);
      if (stream?.isServing !== true) continue;
      const loads = this.#measure(stream, elapsedS);
      if (elapsedS <= 0) continue; // a clock that went back measures nothing
      try {
        if (stream.settings.mode === "ON_DEMAND") await this.#scale(stream, loads);
        else await this.#forgetPeaks(stream);
      } catch (error) {
        if (error instanceof CloudError && error.code === "stream-busy") continue;
        this.#report("could not scale a stream on demand", { stream: name, error });
      }
    }
  }

  stop(): Promise<void> {
    return this.#task.stop();
  }

  async #scale(stream: StreamState, loads: ReadonlyMap<ShardOwner, number>): Promise<void> {
    const total = [...loads.values()].reduce((sum, load) => sum + load, 0);
    const peaks = await this.#notePeak(stream, total);
    const demand = {
      peakShards: highestPeak(peaks, this.#now()),
      shardsMin: stream.settings.warmThroughputMibps ?? 0,
      mayShrink: this.#now() - peaks.sinceMs >= PATIENCE_MS,
    };
    await this.#service.reshard(stream.name, ({ openShards, nextShardNumber }) => {
      const shards = openShards.map((shard): ShardLoad => ({ ...shard.planned, load: loads.get(shard) ?? 0 }));
      return planBorders(
        openShards.map((shard) => shard.planned),
        bordersOnDemand(shards, demand),
        nextShardNumber,
      );
    });
  }

  /** Stored with the stream's settings, so that a restart does not forget the peak of last week. */
  async #notePeak(stream: StreamState, shards: number): Promise<WritePeaks> {
    const nowMs = this.#now();
    const known = stream.settings.writePeaks;
    const peaks = notePeak(known ?? noPeaks(nowMs), shards, nowMs);
    if (peaks !== known) {
      await this.#service.changeSettings(stream.name, (settings) => ({ ...settings, writePeaks: peaks }));
    }
    return peaks;
  }

  /** What a stream took while others provided its shards says nothing of what it will need on demand. */
  async #forgetPeaks({ name, settings: { writePeaks } }: StreamState): Promise<void> {
    if (writePeaks === undefined) return;
    await this.#service.changeSettings(name, ({ writePeaks: _known, ...settings }) => settings);
  }

  /** The part of its capacity that each shard used, closed ones too, since they may have been open in the window. */
  #measure(stream: StreamState, elapsedS: number): Map<ShardOwner, number> {
    const loads = new Map<ShardOwner, number>();
    for (const shard of stream.shards) {
      const { bytes, records } = shard.flow;
      const before = this.#samples.get(shard) ?? { bytes: 0, records: 0 };
      this.#samples.set(shard, { bytes, records });
      const byBytes = (bytes - before.bytes) / elapsedS / kinesisLimits.shardInBytesPerSecond;
      const byRecords = (records - before.records) / elapsedS / kinesisLimits.shardInRecordsPerSecond;
      loads.set(shard, Math.max(byBytes, byRecords));
    }
    return loads;
  }
}
