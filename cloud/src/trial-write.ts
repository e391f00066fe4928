import type { Log } from "@headwater/log";

const SHARD = "health";

/**
 * Makes a log whose disk failed try again: a service that gets no requests since it says that it is ill would never be
 * found well again.
 */
export class TrialWrite {
  readonly #log: Log;
  #isTrying = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Begins a write, unless one is under way. Its outcome is in the log's stats. */
  begin(): void {
    if (!this.#isTrying) void this.#try();
  }

  async #try(): Promise<void> {
    this.#isTrying = true;
    try {
      await this.#log.createShards([SHARD]);
      await this.#log.putState(SHARD, Buffer.alloc(0)); // takes the place of the last one, so nothing grows
    } catch {
      // still ill, as the log reports by itself
    } finally {
      this.#isTrying = false;
    }
  }
}
