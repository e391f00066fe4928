import { CloudError } from "../cloud-error.js";

export interface BodyBudgetLimits {
  /** Bytes of all bodies that may be in memory at once. */
  readonly bytesMax: number;
  /** How long a request waits for its share. */
  readonly waitMs: number;
}

/**
 * Memory for request bodies, shared by all connections. A request takes its body's length before a byte of it is read;
 * where there is not enough, it waits its turn and TCP holds its sender back, and after a while it is told to come
 * again later.
 */
export class BodyBudget {
  readonly #limits: BodyBudgetLimits;
  readonly #waiting: { readonly bytes: number; readonly start: () => void }[] = [];
  #used = 0;

  constructor(limits: BodyBudgetLimits) {
    this.#limits = limits;
  }

  /** Bytes taken now. */
  get used(): number {
    return this.#used;
  }

  /**
   * Takes so many bytes, in the order of the calls; answers what gives them back.
   * @throws {CloudError} `server-busy`.
   */
  async take(bytes: number): Promise<() => void> {
    if (this.#waiting.length > 0 || this.#used + bytes > this.#limits.bytesMax) await this.#turn(bytes);
    else this.#used += bytes;
    return () => this.#giveBack(bytes);
  }

  #turn(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(new CloudError("server-busy", "Too many request bodies are under way. Try again later."));
        this.#startNext();
      }, this.#limits.waitMs);
      const waiter = {
        bytes,
        start: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      this.#waiting.push(waiter);
    });
  }

  #giveBack(bytes: number): void {
    this.#used -= bytes;
    this.#startNext();
  }

  #startNext(): void {
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      if (this.#used + next.bytes > this.#limits.bytesMax) return;
      this.#waiting.shift();
      this.#used += next.bytes;
      next.start();
    }
  }
}
