import {
  evenHashKeyRanges,
  findByHashKey,
  HASH_KEY_MAX,
  type HashKeyRange,
  hashPartitionKey,
} from "@headwater/protocol";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { HashRouter } from "./hash-router.js";
import { RecordBatch } from "./record-batch.js";

function route<T extends HashKeyRange>(router: HashRouter<T>, partitionKey: string): T {
  return RecordBatch.of([{ partitionKey, data: Buffer.alloc(0) }]).route(0, router);
}

test("every partition key goes where the whole 128 bits of its hash say", () =>
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.string(), (count, partitionKey) => {
      const shards = evenHashKeyRanges(count);
      expect(route(new HashRouter(shards), partitionKey)).toBe(findByHashKey(shards, hashPartitionKey(partitionKey)));
    }),
    { numRuns: 500 },
  ));

test("a key whose first 48 bits are a border's is settled by the rest", () =>
  fc.assert(
    fc.property(fc.string(), fc.bigInt({ min: -2n, max: 2n }), (partitionKey, offset) => {
      const border = hashPartitionKey(partitionKey) + offset;
      const shards = [
        { startingHashKey: 0n, endingHashKey: border - 1n },
        { startingHashKey: border, endingHashKey: HASH_KEY_MAX },
      ];
      expect(route(new HashRouter(shards), partitionKey)).toBe(shards[offset > 0n ? 0 : 1]);
    }),
  ));

test("explicit hash keys reach both ends of every range", () => {
  const shards = evenHashKeyRanges(7);
  const router = new HashRouter(shards);
  for (const shard of shards) {
    expect(router.routeHash(shard.startingHashKey)).toBe(shard);
    expect(router.routeHash(shard.endingHashKey)).toBe(shard);
  }
});
