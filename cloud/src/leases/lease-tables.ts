import { type Change, LeaseState, type Outcome } from "./lease-state.js";

/** Where the tables are kept; {@link LeaseFile} is the one on disk. */
export interface LeaseStore {
  load(): Promise<LeaseState>;
  /** Resolves once the changes are durable; all of them or none. */
  write(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}

/** Changes that are written together. */
interface Batch {
  readonly changes: Change[];
  readonly written: Promise<void>;
}

/**
 * The lease tables: in memory to be read, on disk before anything is answered. Calls run one after the other in memory;
 * their changes reach the disk in that order, those of many calls in one sync. See docs/design/leases.md.
 */
export class LeaseTables {
  readonly #store: LeaseStore;
  /** Undefined where a write failed: memory is ahead of the disk and is read anew. */
  #state: LeaseState | undefined;
  #loading: Promise<LeaseState> | undefined;
  /** The batch that takes more changes: it waits for the one that is being written. */
  #next: Batch | undefined;
  #lastWritten: Promise<void> = Promise.resolve();

  private constructor(store: LeaseStore, state: LeaseState) {
    this.#store = store;
    this.#state = state;
  }

  static async open(store: LeaseStore): Promise<LeaseTables> {
    return new LeaseTables(store, await store.load());
  }

  /** The tables as calls see them now; undefined for a moment after a failed write. */
  get state(): LeaseState | undefined {
    return this.#state;
  }

  /**
   * Runs an operation. Resolves with its answer once all that it changed, and all that it may have seen, is durable.
   * @throws what the operation throws, which then has changed nothing; or what the store throws.
   */
  async call(operation: (state: LeaseState) => Outcome): Promise<unknown> {
    const state = this.#state ?? (await this.#load());
    const { answer, changes } = operation(state);
    state.check(changes);
    for (const change of changes) state.apply(change);
    await this.#durable(changes);
    return answer;
  }

  async close(): Promise<void> {
    await this.#lastWritten.catch(() => undefined); // whoever waited for it was told
    await this.#store.close();
  }

  #load(): Promise<LeaseState> {
    this.#loading ??= this.#store
      .load()
      .then((state) => (this.#state = state))
      .finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  #durable(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return this.#next?.written ?? this.#lastWritten;
    this.#next ??= this.#batch();
    this.#next.changes.push(...changes);
    return this.#next.written;
  }

  #batch(): Batch {
    const changes: Change[] = [];
    // Where the batch before it fails, so does this one: it was made on top of that.
    const written = this.#lastWritten.then(() => {
      this.#next = undefined;
      return this.#store.write(changes);
    });
    this.#lastWritten = written;
    written.catch(() => this.#startAnew(written));
    return { changes, written };
  }

  #startAnew(failed: Promise<void>): void {
    this.#state = undefined;
    this.#next = undefined;
    if (this.#lastWritten === failed) this.#lastWritten = Promise.resolve();
  }
}
