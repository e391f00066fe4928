import type { Log } from "@headwater/log";
import { encodeSpoolState, type SpoolState } from "./spool-state.js";

/** Keeps the spool's state durable: what {@link current} shows has been synced. */
export class StateStore {
  readonly #log: Pick<Log, "putState">;
  readonly #shard: string;
  #current: SpoolState;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(log: Pick<Log, "putState">, shard: string, current: SpoolState) {
    this.#log = log;
    this.#shard = shard;
    this.#current = current;
  }

  get current(): SpoolState {
    return this.#current;
  }

  /**
   * Changes the state, one change after the other; writes nothing where `change` answers what it was given.
   * @throws {LogError} as {@link Log.putState} does; the state is then as before.
   */
  update(change: (state: SpoolState) => SpoolState): Promise<void> {
    const updated = this.#tail.then(() => this.#apply(change));
    this.#tail = updated.catch(() => undefined); // the caller hears of it; the next change is tried all the same
    return updated;
  }

  async #apply(change: (state: SpoolState) => SpoolState): Promise<void> {
    const next = change(this.#current);
    if (next === this.#current) return;
    const bytes = encodeSpoolState(next);
    await this.#log.putState(this.#shard, bytes);
    this.#current = next;
  }
}
