import { ClientError } from "../client-error.js";
import type { Clock } from "../clock.js";
import { compareCheckpoints, checkpointOf, isFinished, type Lease, type LeaseState } from "../leases/lease.js";
import type { LeaseStore } from "../leases/lease-store.js";
import { MemoryLeaseStore } from "../leases/memory-lease-store.js";

/** What becomes of a call. */
export interface Fate {
  /** Until the store does it, and from there until the answer is back. */
  readonly thereMs: number;
  readonly backMs: number;
  readonly isLost?: "on the way there" | "on the way back";
}

/** Leases in memory that notes every checkpoint that went back and every lease that was taken before its parents were done. */
export class WatchedLeases extends MemoryLeaseStore {
  readonly violations: string[] = [];

  override async update(
    leaseKey: string,
    expected: Partial<LeaseState>,
    changes: Partial<LeaseState>,
  ): Promise<Lease | undefined> {
    const before = await this.get(leaseKey);
    const after = await super.update(leaseKey, expected, changes);
    if (before === undefined || after === undefined) return after;
    if (compareCheckpoints(checkpointOf(after), checkpointOf(before)) < 0) {
      this.violations.push(`${leaseKey} went back from ${before.checkpoint} to ${after.checkpoint}`);
    }
    for (const parent of before.parentShardIds) {
      const lease = await this.get(parent);
      if (lease !== undefined && !isFinished(lease))
        this.violations.push(`${leaseKey} was taken before ${parent} was done`);
    }
    return after;
  }
}

/** One worker's way to the store: slow, and not always there. */
export class FaultyLeaseStore implements LeaseStore {
  constructor(
    readonly inner: LeaseStore,
    readonly clock: Clock,
    /** Decides what becomes of the next call. */
    readonly fate: () => Fate,
  ) {}

  open(): Promise<void> {
    return Promise.resolve();
  }

  list(signal: AbortSignal): Promise<Lease[]> {
    return this.#call(() => this.inner.list(signal), signal);
  }

  get(leaseKey: string, signal: AbortSignal): Promise<Lease | undefined> {
    return this.#call(() => this.inner.get(leaseKey, signal), signal);
  }

  create(lease: Lease, signal: AbortSignal): Promise<boolean> {
    return this.#call(() => this.inner.create(lease, signal), signal);
  }

  update(
    leaseKey: string,
    expected: Partial<LeaseState>,
    changes: Partial<LeaseState>,
    signal: AbortSignal,
  ): Promise<Lease | undefined> {
    return this.#call(() => this.inner.update(leaseKey, expected, changes, signal), signal);
  }

  remove(leaseKey: string, leaseCounter: number, signal: AbortSignal): Promise<void> {
    return this.#call(() => this.inner.remove(leaseKey, leaseCounter, signal), signal);
  }

  close(): void {}

  async #call<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { thereMs, backMs, isLost } = this.fate();
    await this.clock.sleep(thereMs, signal);
    if (isLost === "on the way there") throw new ClientError("unreachable", "the request was lost");
    const answer = await work();
    await this.clock.sleep(backMs, signal);
    if (isLost === "on the way back") throw new ClientError("unreachable", "the answer was lost");
    return answer;
  }
}
