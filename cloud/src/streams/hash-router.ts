import { findByHashKey, type HashKeyRange, KeyHash } from "@headwater/protocol";

/** Used from one call to the next; nothing of it outlives a call. */
const hash = new KeyHash();

/**
 * Finds the shard of a partition key. Most keys are settled by the first 48 bits of their hash, compared as a number;
 * only those that share 48 bits with a border need the whole 128.
 */
export class HashRouter<T extends HashKeyRange> {
  readonly #shards: readonly T[];
  readonly #starts: Float64Array;

  /** @param shards rising, without holes, from 0 to 2^128 - 1. */
  constructor(shards: readonly T[]) {
    this.#shards = shards;
    this.#starts = Float64Array.from(shards, ({ startingHashKey }) => Number(startingHashKey >> 80n));
  }

  /** For a key that stands as UTF-8 from `from` up to `to`. */
  routeKey(bytes: Uint8Array, from: number, to: number): T {
    hash.update(bytes, from, to);
    const { first48 } = hash;
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= first48) low = middle;
      else high = middle - 1;
    }
    const shard = this.#shards[low];
    return shard === undefined || this.#starts[low] === first48 ? this.routeHash(hash.hashKey) : shard;
  }

  /** @param hashKey 0 to 2^128 - 1. */
  routeHash(hashKey: bigint): T {
    const shard = findByHashKey(this.#shards, hashKey);
    if (shard === undefined) throw new RangeError(`no shard holds hash key ${hashKey}`);
    return shard;
  }
}
