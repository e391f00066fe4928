import { CloudError } from "../cloud-error.js";
import type { Closing } from "./call.js";
import { clientGone } from "./gathered-body.js";
import { RequestTurns } from "./request-turns.js";

export interface BodyBudgetLimits {
  /** Bytes of all bodies that may be in memory at once. */
  readonly bytesMax: number;
  /** How long a request waits for its share. */
  readonly waitMs: number;
  /** Requests that may wait at once. */
  readonly waitingMax: number;
}

/** All that wait may have begun together, and have waited for too long together. */
const turns = new RequestTurns();

/**
 * Memory for request bodies, shared by all connections. A request takes its body's length before a byte of it is read;
 * where there is not enough, it waits its turn and TCP holds its sender back, and after a while it is told to come
 * again later.
 */
export class BodyBudget {
  readonly #limits: BodyBudgetLimits;
  /** In the order of their coming. */
  readonly #waiting = new Set<{ readonly bytes: number; readonly start: () => void }>();
  #used = 0;

  constructor(limits: BodyBudgetLimits) {
    this.#limits = limits;
  }

  /** Bytes taken now. */
  get used(): number {
    return this.#used;
  }

  /** Requests that wait now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Takes so many bytes, in the order of the calls; answers what gives them back.
   * @param call closes when nobody waits for its answer any more.
   * @throws {CloudError} `server-busy`, `request-incomplete`.
   */
  async take(bytes: number, call: Closing): Promise<() => void> {
    const giveBack = this.takeNow(bytes);
    if (giveBack !== undefined) return giveBack;
    await this.#turn(bytes, call);
    return () => this.#giveBack(bytes);
  }

  /** The same, where nobody has to wait; undefined where somebody would have to. */
  takeNow(bytes: number): (() => void) | undefined {
    if (this.#waiting.size > 0 || this.#used + bytes > this.#limits.bytesMax) return undefined;
    this.#used += bytes;
    return () => this.#giveBack(bytes);
  }

  #turn(bytes: number, call: Closing): Promise<void> {
    if (this.#waiting.size >= this.#limits.waitingMax) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        call.off("close", onGone);
        this.#waiting.delete(waiter);
      };
      const giveUp = (error: CloudError): void => {
        end();
        reject(error);
        this.#startNext();
      };
      const onGone = (): void => giveUp(clientGone());
      const timer = setTimeout(() => turns.begin(waiter, () => giveUp(busy())), this.#limits.waitMs);
      const waiter = {
        bytes,
        start: () => {
          end();
          resolve();
        },
      };
      call.once("close", onGone);
      this.#waiting.add(waiter);
    });
  }

  #giveBack(bytes: number): void {
    this.#used -= bytes;
    this.#startNext();
  }

  #startNext(): void {
    for (const next of this.#waiting) {
      if (this.#used + next.bytes > this.#limits.bytesMax) return;
      this.#used += next.bytes;
      next.start();
    }
  }
}

function busy(): CloudError {
  return new CloudError("server-busy", "Too many request bodies are under way. Try again later.");
}
