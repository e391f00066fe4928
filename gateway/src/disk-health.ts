import type { Log, LogEvent } from "@headwater/log";

/** What the disk said to the log's last append, and in its own words where it failed. */
export type DiskReport =
  { readonly disk: "ok" } | { readonly disk: "disk-full" | "disk-failed"; readonly diskError: string };

/**
 * Says whether the log takes writes. What fails is told by the log; that it works again is told by its count of frames,
 * which rises with the next append that succeeds. Devices send again what was not acknowledged, so there is a next one.
 */
export class DiskHealth {
  readonly #log: Log;
  readonly #failedAppends = { "disk-full": 0, "disk-failed": 0 };
  #failure: { readonly report: DiskReport; readonly appendedFrames: number } | undefined;

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

  check(): DiskReport {
    if (this.#failure === undefined) return { disk: "ok" };
    if (this.#log.stats().appendedFrames === this.#failure.appendedFrames) return this.#failure.report;
    this.#failure = undefined;
    return { disk: "ok" };
  }
}
