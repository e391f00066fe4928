import type { LogError } from "../api.js";

/** What {@link LogStats} is made of. */
export class Counters {
  pendingBytes = 0;
  appendedFrames = 0;
  appendedBytes = 0;
  syncs = 0;
  /** Bytes of all segments, also of those that are about to be deleted. */
  segmentBytes = 0;
  readonly failedAppends: Record<string, number> = {};
  diskFailure: LogError | undefined;

  failed(code: string): void {
    this.failedAppends[code] = (this.failedAppends[code] ?? 0) + 1;
  }
}
