import { CloudError } from "../cloud-error.js";
import { type PutOutcome, type ShardOwner, StoredEarlier } from "./shard-owner.js";

/** What became of the records of one call, by their numbers. In columns, as {@link RecordBatch} is. */
export class PutResults {
  readonly #shards: ShardOwner[] = [];
  readonly #outcomes: PutOutcome[] = [];

  /** Notes what a shard answered for some of the records. */
  set(shard: ShardOwner, indexes: readonly number[], outcomes: readonly PutOutcome[]): void {
    for (let i = 0; i < indexes.length; i++) {
      const outcome = outcomes[i];
      if (outcome === undefined) throw new RangeError("a put record has no outcome");
      this.#shards[indexes[i]!] = shard;
      this.#outcomes[indexes[i]!] = outcome;
    }
  }

  /** Why a record was not stored; undefined where it was. */
  failure(i: number): CloudError | undefined {
    const outcome = this.#outcomes[i];
    return outcome instanceof CloudError ? outcome : undefined;
  }

  /** Of a record that was stored. */
  shardId(i: number): string {
    const outcome = this.#outcomes[i];
    return outcome instanceof StoredEarlier ? outcome.shardId : this.#shards[i]!.shardId;
  }

  /** Of a record that was stored. */
  sequenceNumber(i: number): string {
    const outcome = this.#outcomes[i];
    if (outcome instanceof StoredEarlier) return outcome.sequenceNumber;
    if (typeof outcome !== "number") throw new RangeError("a record that was not stored has no sequence number");
    return this.#shards[i]!.sequenceNumber(outcome);
  }
}
