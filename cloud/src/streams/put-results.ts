import { CloudError } from "../cloud-error.js";
import { type PutOutcome, type ShardOwner, StoredEarlier } from "./shard-owner.js";

/** What became of the records of one call, by their numbers. In columns, as {@link RecordBatch} is. */
export class PutResults {
  readonly count: number;
  /** Those that answered for some of the records, in any order. */
  readonly shards: ShardOwner[] = [];
  readonly #shardAt: Uint32Array;
  readonly #outcomes: PutOutcome[];

  constructor(count: number) {
    this.count = count;
    this.#outcomes = Array<PutOutcome>(count);
    this.#shardAt = new Uint32Array(count);
  }

  /** Notes what a shard answered for some of the records. */
  set(shard: ShardOwner, indexes: readonly number[], outcomes: readonly PutOutcome[]): void {
    const shardAt = this.shards.push(shard) - 1;
    for (let i = 0; i < indexes.length; i++) {
      const outcome = outcomes[i];
      if (outcome === undefined) throw new RangeError("a put record has no outcome");
      this.#shardAt[indexes[i]!] = shardAt;
      this.#outcomes[indexes[i]!] = outcome;
    }
  }

  /** Notes that a shard stored some of the records, from a position on. */
  stored(shard: ShardOwner, indexes: readonly number[], position: number): void {
    const shardAt = this.shards.push(shard) - 1;
    for (let i = 0; i < indexes.length; i++) {
      this.#shardAt[indexes[i]!] = shardAt;
      this.#outcomes[indexes[i]!] = position + i;
    }
  }

  /** Notes why a shard stored none of some of the records. */
  refused(shard: ShardOwner, indexes: readonly number[], reason: CloudError): void {
    const shardAt = this.shards.push(shard) - 1;
    for (const index of indexes) {
      this.#shardAt[index] = shardAt;
      this.#outcomes[index] = reason;
    }
  }

  outcome(i: number): PutOutcome {
    return this.#outcomes[i]!;
  }

  /** Which of the shards answered for a record. */
  shardAt(i: number): number {
    return this.#shardAt[i]!;
  }

  /** Why a record was not stored; undefined where it was. */
  failure(i: number): CloudError | undefined {
    const outcome = this.#outcomes[i];
    return outcome instanceof CloudError ? outcome : undefined;
  }

  /** Of a record that was stored. */
  shardId(i: number): string {
    const outcome = this.#outcomes[i];
    return outcome instanceof StoredEarlier ? outcome.shardId : this.shards[this.shardAt(i)]!.shardId;
  }

  /** Of a record that was stored. */
  sequenceNumber(i: number): string {
    const outcome = this.#outcomes[i];
    if (outcome instanceof StoredEarlier) return outcome.sequenceNumber;
    if (typeof outcome !== "number") throw new RangeError("a record that was not stored has no sequence number");
    return this.shards[this.shardAt(i)]!.sequenceNumber(outcome);
  }
}
