import { setTimeout as sleep } from "node:timers/promises";

/** How long records may be on their way before they count as lost. */
const LOST_MS = 10_000;

/** How long each record was on its way. */
export class Pushes {
  readonly latenciesMs: number[] = [];
  readonly #sentAt: number[] = [];
  #arrived = 0;

  sent(n: number): void {
    this.#sentAt[n] = performance.now();
  }

  arrived(n: number): void {
    this.latenciesMs[n] = performance.now() - (this.#sentAt[n] ?? Number.NaN);
    this.#arrived += 1;
  }

  /** @throws {Error} where some do not come. */
  async all(count: number): Promise<void> {
    const deadline = performance.now() + LOST_MS;
    while (this.#arrived < count) {
      if (performance.now() > deadline) throw new Error(`${count - this.#arrived} of ${count} records were not pushed`);
      await sleep(10);
    }
  }
}
