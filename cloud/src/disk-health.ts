import type { Log, LogEvent } from "@headwater/log";

/** What the disk said to the log's last append, and in its own words where it failed. */
export type DiskReport =
  { readonly disk: "ok" } | { readonly disk: "disk-full" | "disk-failed"; readonly diskError: string };

const TRIAL_SHARD = "health";

/**
 * Says whether the log takes writes, without writing while it does. What fails is told by the log; that it works again
 * is told by its count of frames, which rises with the next append that succeeds.
 */
export class DiskHealth {
  readonly #log: Log;
  readonly #failedAppends = { "disk-full": 0, "disk-failed": 0 };
  #failure: { readonly report: DiskReport; readonly appendedFrames: number } | undefined;
  #isTrying = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** To be called with everything that the log reports. */
  heard({ error }: LogEvent): void {
    const { appendedFrames, failedAppends } = this.#log.stats();
    for (const disk of ["disk-full", "disk-failed"] as const) {
      const failed = failedAppends[disk] ?? 0;
      if (failed > this.#failedAppends[disk]) {
        this.#failure = { report: { disk, diskError: String(error) }, appendedFrames };
      }
      this.#failedAppends[disk] = failed;
    }
  }

  /**
   * While the last append failed, each call also makes the log try another, whose outcome the next call has: a service
   * that gets no requests since it says that it is ill would never be found well again.
   */
  check(): DiskReport {
    if (this.#failure === undefined) return { disk: "ok" };
    if (this.#log.stats().appendedFrames > this.#failure.appendedFrames) {
      this.#failure = undefined;
      return { disk: "ok" };
    }
    if (!this.#isTrying) void this.#try();
    return this.#failure.report;
  }

  async #try(): Promise<void> {
    this.#isTrying = true;
    try {
      await this.#log.createShards([TRIAL_SHARD]);
      await this.#log.putState(TRIAL_SHARD, Buffer.alloc(0)); // takes the place of the last one, so nothing grows
    } catch {
      // still ill, as the log reports by itself
    } finally {
      this.#isTrying = false;
    }
  }
}
