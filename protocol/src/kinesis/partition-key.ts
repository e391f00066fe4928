import { createHash } from "node:crypto";

/** The largest hash key: 2^128 - 1. */
export const HASH_KEY_MAX = (1n << 128n) - 1n;

/** The hash key that Kinesis gives a partition key: its MD5, read as an unsigned 128-bit number. */
export function hashPartitionKey(partitionKey: string): bigint {
  return BigInt("0x" + createHash("md5").update(partitionKey, "utf8").digest("hex"));
}

/** An inclusive range of hash keys. */
export interface HashKeyRange {
  readonly startingHashKey: bigint;
  readonly endingHashKey: bigint;
}

/** Splits the whole hash-key space into `count` ranges as equal as whole numbers allow, in rising order. */
export function evenHashKeyRanges(count: number): HashKeyRange[] {
  const width = (HASH_KEY_MAX + 1n) / BigInt(count);
  return Array.from({ length: count }, (_, i) => ({
    startingHashKey: BigInt(i) * width,
    endingHashKey: i === count - 1 ? HASH_KEY_MAX : BigInt(i + 1) * width - 1n,
  }));
}

/** Finds the entry whose range holds the hash key, by bisection; `sorted` rises and has no holes. */
export function findByHashKey<T extends HashKeyRange>(sorted: readonly T[], hashKey: bigint): T | undefined {
  let low = 0;
  let high = sorted.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const entry = sorted[middle];
    if (entry === undefined) return undefined;
    if (hashKey < entry.startingHashKey) high = middle - 1;
    else if (hashKey > entry.endingHashKey) low = middle + 1;
    else return entry;
  }
  return undefined;
}
