import { backoffMs } from "./backoff.js";
import { ClientError } from "./client-error.js";
import type { Clock } from "./clock.js";

export interface PatienceOptions {
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** A call failed and is made again. */
  readonly onFailure: (error: ClientError) => void;
}

/** Makes calls again that failed for now. */
export class Patience {
  readonly #options: PatienceOptions;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /**
   * @param deadlineMs monotonic; what fails from then on has failed.
   * @throws what the call fails with for good; the signal's reason once it is aborted.
   */
  async with<T>(call: () => Promise<T>, signal: AbortSignal, deadlineMs = Infinity): Promise<T> {
    const { clock, random, onFailure } = this.#options;
    for (let failures = 0; ; failures++) {
      try {
        return await call();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ClientError) || !error.retriable || clock.monotonicMs() >= deadlineMs) throw error;
        onFailure(error);
        await clock.sleep(backoffMs(error.code, failures, random()), signal);
      }
    }
  }
}
