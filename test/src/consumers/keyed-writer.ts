import type { Producer } from "@headwater/client";

/** Puts numbered records of its own keys, without awaiting one before the next, until it is told to stop. */
export class KeyedWriter {
  readonly counters = new Map<string, number>();
  readonly #producer: Producer;
  readonly #puts: Promise<unknown>[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(producer: Producer, keys: readonly string[], everyMs: number) {
    this.#producer = producer;
    this.#timer = setInterval(() => {
      for (const key of keys) this.#put(key);
    }, everyMs);
  }

  /** @throws what a put failed with. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#puts);
  }

  #put(key: string): void {
    const counter = (this.counters.get(key) ?? 0) + 1;
    this.counters.set(key, counter);
    const put = this.#producer.put({ partitionKey: key, data: String(counter) });
    // Seen by `finish`; until then the rejection has no other owner.
    put.catch(() => undefined);
    this.#puts.push(put);
  }
}
