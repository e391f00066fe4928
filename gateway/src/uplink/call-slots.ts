/** How many calls may be under way; who has to wait is served in turn. */
export class CallSlots {
  readonly slotsMax: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(slotsMax: number) {
    this.slotsMax = slotsMax;
  }

  /** @throws the signal's reason once it is aborted. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#taken < this.slotsMax) {
      this.#taken++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(grant), 1);
        reject(signal.reason as Error);
      };
      const grant = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      this.#waiting.push(grant);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Hands the slot to who waits for longest. */
  giveBack(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}
