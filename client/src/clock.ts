import { setTimeout as after } from "node:timers/promises";

/** Time, so that a test can make it. */
export interface Clock {
  /** Wall time, in milliseconds since 1970: only to say from when on to read. */
  wallMs(): number;
  /** Never steps: for everything that measures how long something took. */
  monotonicMs(): number;
  /** @throws the signal's reason once it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await after(ms, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  },
};
