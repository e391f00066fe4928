import type { ProducerHistory, RecordId } from "../programs/history.js";

/** Sends until it is told to finish, and remembers what it tried and what was acknowledged. */
export abstract class RecordedProducer {
  readonly #attempted: RecordId[] = [];
  readonly #acknowledged: RecordId[] = [];
  #running: Promise<void> | undefined;
  #isFinishing = false;

  constructor(readonly name: string) {}

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  history(): ProducerHistory {
    return {
      producer: this.name,
      delivery: "at-least-once",
      attempted: this.#attempted,
      acknowledged: this.#acknowledged,
    };
  }

  /** Begins no further round and waits for what is on its way; throws what went wrong. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    await this.#running;
  }

  /** Sends one record for each key, round after round. */
  protected start(keys: readonly string[], send: (round: readonly RecordId[]) => Promise<void>): void {
    this.#running = (async () => {
      for (let counter = 1; !this.#isFinishing; counter++)
        await send(keys.map((key) => ({ producer: this.name, key, counter })));
    })();
    this.#running.catch(() => undefined); // heard by who finishes
  }

  protected attempting(...ids: readonly RecordId[]): void {
    this.#attempted.push(...ids);
  }

  protected succeeded(...ids: readonly RecordId[]): void {
    this.#acknowledged.push(...ids);
  }

  /** Keeps the load small, and whoever is down from being asked without end. */
  protected async pause(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
