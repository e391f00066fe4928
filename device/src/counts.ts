/** Counts by cause. */
export class Counts<Cause extends string> {
  readonly #counts = new Map<Cause, number>();

  add(cause: Cause, count = 1): void {
    this.#counts.set(cause, (this.#counts.get(cause) ?? 0) + count);
  }

  /** Causes that never happened are left out. */
  toObject(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
