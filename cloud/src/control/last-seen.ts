import type { Changes, KnownGateway, KnownGateways } from "./known-gateways.js";

/** Where last-seen survives a restart. */
export interface LastSeenStore {
  load(): Promise<KnownGateway[]>;
  /** Durable when it resolves; all of it or nothing. */
  save(changes: Changes): Promise<void>;
}

/**
 * Writes what changed about gateways to the store: on request, one write at a time, each with all that changed
 * meanwhile. Last-seen is a report and not an acknowledged record, so a crash may cost the last few seconds of it.
 */
export class LastSeen {
  #writing: Promise<void> | undefined;

  constructor(
    readonly known: KnownGateways,
    readonly store: LastSeenStore,
    /** Hears of a write that failed; the changes are kept for the next one. */
    readonly failed: (error: unknown) => void,
  ) {}

  /** Resolves when what was known at the call is stored, or its write failed. */
  async save(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    const changes = this.known.takeChanges();
    if (changes.saved.length === 0 && changes.forgotten.length === 0) return;
    this.#writing = this.#write(changes);
    await this.#writing;
  }

  async #write(changes: Changes): Promise<void> {
    try {
      await this.store.save(changes);
    } catch (error) {
      this.known.returnChanges(changes);
      this.failed(error);
    } finally {
      this.#writing = undefined;
    }
  }
}
