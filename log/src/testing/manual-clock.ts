import type { Clock } from "../api.js";

/** A clock that stands still until it is told otherwise. */
export class ManualClock implements Clock {
  #nowMs: number;

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  /** May go back: clocks do. */
  advance(ms: number): void {
    this.#nowMs += ms;
  }
}
