import type { DeviceClock } from "../clock/device-clock.js";

/** A clock that tests turn by hand. */
export class ManualClock implements DeviceClock {
  bootId = "boot-1";
  isSynchronised = true;
  #wallOffsetMs: number;
  #monotonicMs = 1_000;
  readonly #sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>();

  constructor(wallMs = Date.UTC(2027, 0, 1)) {
    this.#wallOffsetMs = wallMs - this.#monotonicMs;
  }

  now(): number {
    return this.#wallOffsetMs + this.#monotonicMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  synchronised(): Promise<boolean> {
    return Promise.resolve(this.isSynchronised);
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = {
        untilMs: this.#monotonicMs + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal.removeEventListener("abort", sleeper.wake);
          resolve();
        },
      };
      signal.addEventListener("abort", sleeper.wake, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** Lets time pass, and wakes who slept until then. */
  advance(ms: number): void {
    this.#monotonicMs += ms;
    for (const sleeper of this.#sleepers) if (sleeper.untilMs <= this.#monotonicMs) sleeper.wake();
  }

  /** Sets the wall clock forward, or back where negative. */
  step(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Starts the machine anew, showing this wall time. */
  reboot(wallMs: number): void {
    this.bootId = `boot-${Number(this.bootId.slice("boot-".length)) + 1}`;
    this.#monotonicMs = 0;
    this.#wallOffsetMs = wallMs;
  }

  /** How many wait in {@link sleep}. */
  get sleeping(): number {
    return this.#sleepers.size;
  }
}
