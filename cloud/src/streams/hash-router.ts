import { findByHashKey, type HashKeyRange } from "@headwater/protocol";

/**
 * Finds the shard of a hash key. Most are settled by their first 48 bits, compared as a number;
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

  /** By the first 48 bits of a hash key; undefined where they are a border's, which the rest has to settle. */
  routeFirst48(first48: number): T | undefined {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= first48) low = middle;
      else high = middle - 1;
    }
    return this.#starts[low] === first48 ? undefined : this.#shards[low];
  }

  /** @param hashKey 0 to 2^128 - 1. */
  routeHash(hashKey: bigint): T {
    const shard = findByHashKey(this.#shards, hashKey);
    if (shard === undefined) throw new RangeError(`no shard holds hash key ${hashKey}`);
    return shard;
  }
}
