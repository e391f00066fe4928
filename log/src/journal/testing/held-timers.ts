import { afterEach, beforeEach, vi } from "vitest";

/** In each test of the file the log's timers fire only when the test lets time pass. Answers how it does. */
export function holdTimers(): (ms: number) => Promise<void> {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  return async (ms) => void (await vi.advanceTimersByTimeAsync(ms));
}
