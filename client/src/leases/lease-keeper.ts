import { backoffMs } from "../backoff.js";
import { ClientError } from "../client-error.js";
import { Wake } from "../wake.js";
import { Holding, type HoldingOptions } from "./holding.js";
import { isFinished, type Lease } from "./lease.js";
import { planTakes, readable } from "./plan-takes.js";

export interface LeaseKeeperOptions extends HoldingOptions {
  /** 0 to 1. */
  readonly random: () => number;
  /** A lease is this worker's from now on. */
  readonly onTaken: (holding: Holding) => void;
  /** The store failed and is asked again. */
  readonly onFailure: (error: ClientError) => void;
}

interface Seen {
  readonly counter: number;
  readonly owner: string | null;
  readonly sinceMs: number;
}

/** A lease that was asked for, until the worker that has it lets go or must have. */
interface Awaited {
  lease: Lease;
  readonly untilMs: number;
}

/**
 * Renews what this worker holds and takes what it should hold. The way in which a lease goes from one worker to the next is in
 * docs/design/consumers.md.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #holdings = new Map<string, Holding>();
  readonly #awaited = new Map<string, Awaited>();
  readonly #seen = new Map<string, Seen>();
  readonly #wake = new Wake();
  #isWoken = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  get holdings(): readonly Holding[] {
    return [...this.#holdings.values()];
  }

  /** Looks for leases to take now, instead of later. */
  wake(): void {
    this.#isWoken = true;
    this.#wake.all();
  }

  /** Until the signal is aborted; what is held stays so. @throws what is no failure of the store. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      this.#isWoken = false;
      const beganMs = clock.monotonicMs();
      try {
        await this.#renew(signal);
        await this.#await(signal);
        await this.#take(signal);
        failures = 0;
        // From the beginning of the round: one that was slow has used up the time that its renewals are good for.
        await this.#pause(Math.max(0, beganMs + this.#tickMs() - clock.monotonicMs()), signal);
      } catch (error) {
        if (isAborted(signal)) return;
        if (!(error instanceof ClientError) || !error.retriable) throw error;
        this.#options.onFailure(error);
        const wait = Math.min(backoffMs(error.code, failures++, this.#options.random()), this.#tickMs());
        await clock.sleep(wait, signal).catch(() => undefined);
      }
    }
  }

  /**
   * Gives up what this worker has by the table only, once {@link run} has ended: what it has asked for goes back to who has it, or
   * to anybody where that worker must have let go by now.
   * @throws {ClientError} of the store; the others take what is left when this worker has been silent for long enough.
   */
  async leave(signal: AbortSignal): Promise<void> {
    const { store, worker, clock } = this.#options;
    const leases = await store.list(signal);
    // What is held goes by itself, with what is done.
    const left = leases.filter(({ leaseKey }) => this.#holdings.get(leaseKey)?.lost.aborted !== false);
    await inChunks(left, async (lease) => {
      // It may be handed over in the same moment.
      for (
        let now: Lease | undefined = lease;
        now?.leaseOwner === worker;
        now = await store.get(now.leaseKey, signal)
      ) {
        const { leaseKey, leaseCounter, checkpointOwner } = now;
        const isLate = clock.monotonicMs() >= (this.#awaited.get(leaseKey)?.untilMs ?? Number.POSITIVE_INFINITY);
        const leaseOwner = isLate ? null : checkpointOwner;
        const expected = { leaseOwner: worker, leaseCounter, checkpointOwner };
        const changes = { leaseOwner, leaseCounter: leaseCounter + 1, checkpointOwner: null };
        if ((await store.update(leaseKey, expected, changes, signal)) !== undefined) return;
      }
    });
  }

  /** Three renewals fit into the time that a lease is good for; who waits for another worker looks more often. */
  #tickMs(): number {
    return this.#options.failoverTimeMs / (this.#awaited.size > 0 ? 20 : 3);
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#isWoken) return;
    const ended = new AbortController();
    const stop = (): void => ended.abort();
    signal.addEventListener("abort", stop, { once: true });
    const slept = this.#options.clock.sleep(ms, ended.signal).catch(() => undefined);
    const woken = this.#wake.next(ended.signal).catch(() => undefined);
    await Promise.race([slept, woken]);
    ended.abort();
    signal.removeEventListener("abort", stop);
  }

  async #renew(signal: AbortSignal): Promise<void> {
    for (const [shardId, holding] of this.#holdings) {
      holding.check();
      if (holding.lost.aborted) this.#holdings.delete(shardId);
    }
    const failures: unknown[] = [];
    await inChunks([...this.#holdings.values()], async (holding) => {
      // Who was asked for it keeps it no longer than it had it.
      if (holding.asked.aborted) return;
      await holding.store(signal).catch((error: unknown) => {
        if (!(error instanceof ClientError && error.code === "lease-lost")) failures.push(error);
      });
    });
    if (failures.length > 0) throw failures[0];
  }

  async #await(signal: AbortSignal): Promise<void> {
    const { store, worker, clock } = this.#options;
    await inChunks([...this.#awaited], async ([shardId, awaited]) => {
      const { leaseCounter, checkpointOwner } = awaited.lease;
      const isLate = clock.monotonicMs() >= awaited.untilMs;
      const beganMs = clock.monotonicMs();
      const lease = await store.update(
        shardId,
        { leaseOwner: worker, leaseCounter, ...(isLate ? { checkpointOwner } : {}) },
        { leaseCounter: leaseCounter + 1, ...(isLate ? { checkpointOwner: null } : {}) },
        signal,
      );
      if (lease?.checkpointOwner === null) {
        this.#awaited.delete(shardId);
        this.#begin(lease, beganMs);
        return;
      }
      if (lease !== undefined) {
        awaited.lease = lease;
        return;
      }
      // An answer that was lost, a hand-over in the same moment, or a third worker.
      const now = await store.get(shardId, signal);
      if (now?.leaseOwner === worker) awaited.lease = now;
      else this.#awaited.delete(shardId);
    });
  }

  async #take(signal: AbortSignal): Promise<void> {
    const { store, worker, random, failoverTimeMs, clock } = this.#options;
    const leases = await store.list(signal);
    // After the answer: whoever wrote these counters began to do so before.
    const nowMs = clock.monotonicMs();
    this.#see(leases, nowMs);
    const seen = readable(leases).map((lease) => ({
      lease,
      isExpired: this.#isExpired(lease, nowMs - failoverTimeMs),
    }));
    const { free, ask } = planTakes(seen, worker, random);
    await inChunks([...free, ...ask], async (lease) => {
      if (!(await this.#parentsAreDone(lease, signal))) return;
      const { leaseKey, leaseOwner, leaseCounter, ownerSwitchesSinceCheckpoint } = lease;
      const isAsked = ask.includes(lease);
      const beganMs = clock.monotonicMs();
      const taken = await store.update(
        leaseKey,
        { leaseOwner, leaseCounter },
        {
          leaseOwner: worker,
          leaseCounter: leaseCounter + 1,
          checkpointOwner: isAsked ? leaseOwner : null,
          ownerSwitchesSinceCheckpoint:
            ownerSwitchesSinceCheckpoint + (leaseOwner === null || leaseOwner === worker ? 0 : 1),
        },
        signal,
      );
      if (taken === undefined) return;
      if (isAsked) this.#awaited.set(leaseKey, { lease: taken, untilMs: clock.monotonicMs() + failoverTimeMs });
      else this.#begin(taken, beganMs);
    });
  }

  #see(leases: readonly Lease[], nowMs: number): void {
    const keys = new Set(leases.map(({ leaseKey }) => leaseKey));
    for (const key of this.#seen.keys()) if (!keys.has(key)) this.#seen.delete(key);
    for (const { leaseKey, leaseCounter: counter, leaseOwner: owner } of leases) {
      const before = this.#seen.get(leaseKey);
      if (before?.counter !== counter || before.owner !== owner) {
        this.#seen.set(leaseKey, { counter, owner, sinceMs: nowMs });
      }
    }
  }

  #isExpired({ leaseKey, leaseOwner, checkpointOwner }: Lease, silentSinceMs: number): boolean {
    if (leaseOwner === this.#options.worker) {
      if (this.#isOurs(leaseKey)) return false;
      // What this worker has by the table only, it took without hearing so, or lost in time: nobody else can have begun with it,
      // unless it was asked of another.
      if (checkpointOwner === null) return true;
    }
    return (this.#seen.get(leaseKey)?.sinceMs ?? Number.POSITIVE_INFINITY) <= silentSinceMs;
  }

  #isOurs(leaseKey: string): boolean {
    return this.#awaited.has(leaseKey) || this.#holdings.get(leaseKey)?.lost.aborted === false;
  }

  /** A listing may be older in one half than in the other; these are asked for now. */
  async #parentsAreDone({ parentShardIds }: Lease, signal: AbortSignal): Promise<boolean> {
    for (const parent of parentShardIds) {
      const lease = await this.#options.store.get(parent, signal);
      if (lease !== undefined && !isFinished(lease)) return false;
    }
    return true;
  }

  #begin(lease: Lease, beganMs: number): void {
    // The worker that it was asked of had come to the shard's end.
    if (isFinished(lease)) return;
    const holding = new Holding(lease, beganMs + this.#options.failoverTimeMs, this.#options);
    this.#holdings.set(lease.leaseKey, holding);
    this.#options.onTaken(holding);
  }
}

const CALLS_AT_ONCE = 16;

/** Runs for all items, some at a time. @throws the first failure, after the others have ended. */
export async function inChunks<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += CALLS_AT_ONCE) {
    const outcomes = await Promise.allSettled(items.slice(from, from + CALLS_AT_ONCE).map(work));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }
}

/** A function, since a getter's value is taken not to change across an await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
