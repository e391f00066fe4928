import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../clock.js";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Time that passes when a test says so, sleeper by sleeper. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #sleepers = new Set<Sleeper>();
  static readonly startMs = 1_700_000_000_000;

  wallMs(): number {
    return ManualClock.startMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason as Error);
      };
      const sleeper: Sleeper = {
        atMs: this.#nowMs + Math.max(0, ms),
        wake: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Lets so much time pass; `look` sees every moment at which something happened. */
  async pass(ms: number, look: () => void = () => undefined): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await turn();
      look();
      const next = [...this.#sleepers].sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#sleepers.delete(next);
      next.wake();
    }
    this.#nowMs = untilMs;
    await turn();
    look();
  }

  /** Lets time pass until something holds. @throws {Error} where it does not within so many milliseconds. */
  async until(holds: () => boolean, withinMs = 600_000, stepMs = 50): Promise<void> {
    for (let passed = 0; !holds(); passed += stepMs) {
      if (passed > withinMs) throw new Error(`${withinMs} ms passed in vain`);
      await this.pass(stepMs);
    }
  }
}
