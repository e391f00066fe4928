import { ClientError } from "../client-error.js";
import type { Clock } from "../clock.js";
import { type Checkpoint, checkpointOf, compareCheckpoints, type Lease, type LeaseState, shardEnd } from "./lease.js";
import type { LeaseStore } from "./lease-store.js";
import { sharedController } from "../shared-controller.js";

export interface HoldingOptions {
  readonly store: LeaseStore;
  /** This worker's id; no other has it. */
  readonly worker: string;
  readonly clock: Clock;
  /** How long a lease is good for after the owner began to write it. */
  readonly failoverTimeMs: number;
  /** A lease is held for longer. Who has found it not to be held in the meantime looks again. */
  readonly onRenewed: () => void;
}

/**
 * A lease that this worker has taken. Its writes follow one another, and each but the last is a renewal.
 * docs/design/consumers.md, invariants 1 to 3.
 */
export class Holding {
  readonly #options: HoldingOptions;
  readonly #lost = sharedController();
  readonly #asked = sharedController();
  #lease: Lease;
  #heldUntilMs: number;
  #done: Checkpoint;
  #turn: Promise<unknown> = Promise.resolve();
  /** Given back, whether or not that is answered yet: another may have begun. */
  #isLeaving = false;

  /** @param heldUntilMs monotonic: the beginning of the call that took the lease, and `failoverTimeMs`. */
  constructor(lease: Lease, heldUntilMs: number, options: HoldingOptions) {
    this.#lease = lease;
    this.#heldUntilMs = heldUntilMs;
    this.#done = checkpointOf(lease);
    this.#options = options;
  }

  get lease(): Lease {
    return this.#lease;
  }

  get shardId(): string {
    return this.#lease.leaseKey;
  }

  /** Aborted once the lease is another's or nobody's. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Aborted once another worker waits for this one to finish what it has begun. */
  get asked(): AbortSignal {
    return this.#asked.signal;
  }

  /** Whether no other worker can have begun with the shard. */
  get isHeld(): boolean {
    return !this.#isLeaving && !this.lost.aborted && this.#isInTime;
  }

  /** Up to where the shard is done; stored with the next write. Never goes back. */
  get done(): Checkpoint {
    return this.#done;
  }

  noteDone(checkpoint: Checkpoint): void {
    if (compareCheckpoints(checkpoint, this.#done) > 0) this.#done = checkpoint;
  }

  /**
   * Stores what is done, and holds the lease for longer.
   * @throws {ClientError} `lease-lost`, or what the store fails with; then the lease is held as long as it was.
   */
  async store(signal: AbortSignal): Promise<void> {
    await this.#inTurn(() => this.#write({}, signal));
  }

  /** Stores what is done and leaves the lease to whoever asked for it, else to anybody. */
  async release(signal: AbortSignal): Promise<void> {
    this.#isLeaving = true;
    await this.#inTurn(async () => {
      await this.#write({ leaseOwner: null }, signal);
      this.#end("given back");
    });
  }

  /** The whole shard is done. */
  async finish(signal: AbortSignal): Promise<void> {
    this.noteDone(shardEnd);
    await this.release(signal);
  }

  /** Renews it no more: others take it in time. */
  abandon(): void {
    this.#end("given up");
  }

  /** Ends it where it has not been renewed in time. */
  check(): void {
    if (!this.#isInTime) this.#end("not renewed in time");
  }

  get #isInTime(): boolean {
    return this.#options.clock.monotonicMs() < this.#heldUntilMs;
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  async #write(changes: Partial<LeaseState>, signal: AbortSignal): Promise<void> {
    const { store, worker, clock, failoverTimeMs, onRenewed } = this.#options;
    for (;;) {
      this.check();
      this.lost.throwIfAborted();
      const beganMs = clock.monotonicMs();
      const { leaseKey, leaseCounter } = this.#lease;
      const state = { ...this.#doneState(), ...changes };
      const isAsked = this.#lease.leaseOwner !== worker;
      // Whoever asked writes the counter now; what is left to this worker is the checkpoint, until it goes.
      const lease = isAsked
        ? await store.update(leaseKey, { checkpointOwner: worker }, handedOver(state), signal)
        : await store.update(
            leaseKey,
            { leaseOwner: worker, leaseCounter },
            { ...state, leaseCounter: leaseCounter + 1 },
            signal,
          );
      if (lease !== undefined) {
        this.#lease = lease;
        if (isAsked) return;
        this.#heldUntilMs = beganMs + failoverTimeMs;
        onRenewed();
        return;
      }
      await this.#lookAgain(isAsked, signal);
    }
  }

  /** Why a write was refused: an earlier one had been done though it was not answered, or another worker has written. */
  async #lookAgain(wasAsked: boolean, signal: AbortSignal): Promise<void> {
    const { store, worker } = this.#options;
    const lease = await store.get(this.shardId, signal);
    // Also where the one who asked has left meanwhile.
    if (lease?.leaseOwner === worker) this.#lease = lease;
    else if (lease?.checkpointOwner === worker && !wasAsked) {
      this.#lease = lease;
      this.#asked.abort();
    } else {
      const owner = lease?.leaseOwner ?? null;
      this.#end(owner === null ? "gone" : `taken by ${owner}`);
    }
  }

  #doneState(): Partial<LeaseState> {
    const { sequenceNumber, subSequenceNumber } = this.#done;
    if (compareCheckpoints(this.#done, checkpointOf(this.#lease)) <= 0) return {};
    return {
      checkpoint: sequenceNumber,
      checkpointSubSequenceNumber: subSequenceNumber,
      ownerSwitchesSinceCheckpoint: 0,
    };
  }

  #end(why: string): void {
    if (!this.lost.aborted) this.#lost.abort(new ClientError("lease-lost", `the lease of ${this.shardId} is ${why}`));
  }
}

/** Giving the lease back means letting go of the checkpoint: the owner is another already. */
function handedOver({ leaseOwner, ...state }: Partial<LeaseState>): Partial<LeaseState> {
  return leaseOwner === undefined ? state : { ...state, checkpointOwner: null };
}
