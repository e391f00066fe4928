import { randomInt } from "node:crypto";

/** Whether the long variants are asked for (`npm run test:full`). */
export const isFull = process.env["HEADWATER_TEST_FULL"] === "1";

/** Numbers that a seed repeats: mulberry32, 32 bits of state, enough to choose moments and victims. */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** The seed of `HEADWATER_TEST_SEED`, or a new one; printed either way, so that a failure can be repeated. */
  static announced(what: string): Random {
    const given = process.env["HEADWATER_TEST_SEED"];
    const seed = given === undefined ? randomInt(2 ** 32 - 1) : Number(given);
    if (!Number.isSafeInteger(seed)) throw new Error(`HEADWATER_TEST_SEED is not a whole number: ${given}`);
    process.stdout.write(`${what}: HEADWATER_TEST_SEED=${seed} repeats this run\n`);
    return new Random(seed);
  }

  /** A fraction from 0 up to, not including, 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  shuffled<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, order: this.fraction() }));
    return keyed.sort((a, b) => a.order - b.order).map(({ item }) => item);
  }
}
