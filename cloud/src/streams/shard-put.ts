import type { PackedAppend } from "@headwater/log";
import { fromLogError } from "./log-failure.js";
import type { PutResults } from "./put-results.js";
import type { RecordBatch } from "./record-batch.js";
import type { ShardOwner } from "./shard-owner.js";

/** Told once nothing of a put is under way any more; of a bug, with what was thrown. */
export type PutSettled = (bug?: { readonly reason: unknown }) => void;

/**
 * Some of a call's records on their way into one shard's log, and what becomes of them. One object for all of it: a call to
 * hundreds of shards is mostly those.
 */
export class ShardPut implements PackedAppend {
  readonly #shard: ShardOwner;
  readonly #records: RecordBatch;
  readonly #indexes: readonly number[];
  readonly #results: PutResults;
  readonly #settled: PutSettled;

  constructor(
    shard: ShardOwner,
    records: RecordBatch,
    indexes: readonly number[],
    results: PutResults,
    settled: PutSettled,
  ) {
    this.#shard = shard;
    this.#records = records;
    this.#indexes = indexes;
    this.#results = results;
    this.#settled = settled;
  }

  get count(): number {
    return this.#indexes.length;
  }

  get bytes(): Buffer {
    return this.#records.bytes;
  }

  startOf(frame: number): number {
    return this.#records.storedFrom(this.#indexes[frame]!);
  }

  endOf(frame: number): number {
    return this.#records.storedTo(this.#indexes[frame]!);
  }

  checksumOf(frame: number): number {
    return this.#records.checksum(this.#indexes[frame]!);
  }

  appended(position: number, arrivalMs: number): void {
    this.#settle(() => {
      this.#shard.stored(this.#records, this.#indexes, { position, arrivalMs });
      this.#results.stored(this.#shard, this.#indexes, position);
    });
  }

  failed(error: unknown): void {
    this.#settle(() => this.#results.refused(this.#shard, this.#indexes, fromLogError(error)));
  }

  #settle(note: () => void): void {
    let bug: { readonly reason: unknown } | undefined;
    try {
      note();
    } catch (reason) {
      bug = { reason };
    }
    this.#shard.gate.leave();
    this.#settled(bug);
  }
}
