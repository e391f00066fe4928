const FIRST_MS = 500;
const MAX_MS = 30_000;

/** How long to wait before connecting again: doubling up to 30 s, each drawn between half and all of it. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;

  /** @param random 0 up to, not including, 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  nextMs(): number {
    // Devices that lost the same gateway must not come back together.
    const fullMs = Math.min(FIRST_MS * 2 ** this.#failures, MAX_MS);
    this.#failures = Math.min(this.#failures + 1, 30);
    return fullMs * (0.5 + this.#random() / 2);
  }

  /** The connection proved good. */
  reset(): void {
    this.#failures = 0;
  }
}
