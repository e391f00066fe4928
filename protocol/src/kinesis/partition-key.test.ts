import * as fc from "fast-check";
import { expect, test } from "vitest";
import { evenHashKeyRanges, findByHashKey, HASH_KEY_MAX, hashPartitionKey } from "./partition-key.js";

test.each([
  // MD5 test suite of RFC 1321, appendix A.5.
  ["a", 0x0cc175b9c0f1b6a831c399e269772661n],
  ["message digest", 0xf96b697d7cb7938d525a2f31aaf161d0n],
])("the hash key of %j is its MD5", (partitionKey, hashKey) => {
  expect(hashPartitionKey(partitionKey)).toBe(hashKey);
});

test("even ranges cover the whole space without holes or overlaps, and each finds its keys", () =>
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.bigInt({ min: 0n, max: HASH_KEY_MAX }), (count, hashKey) => {
      const ranges = evenHashKeyRanges(count);
      let next = 0n;
      for (const range of ranges) {
        expect(range.startingHashKey).toBe(next);
        expect(range.endingHashKey).toBeGreaterThanOrEqual(range.startingHashKey);
        expect(findByHashKey(ranges, range.startingHashKey)).toBe(range);
        expect(findByHashKey(ranges, range.endingHashKey)).toBe(range);
        next = range.endingHashKey + 1n;
      }
      expect(next).toBe(HASH_KEY_MAX + 1n);
      const found = findByHashKey(ranges, hashKey);
      expect(found && found.startingHashKey <= hashKey && hashKey <= found.endingHashKey).toBe(true);
    }),
    { numRuns: 50 },
  ));

test("no range, no find", () => {
  expect(findByHashKey([], 1n)).toBeUndefined();
  expect(findByHashKey([{ startingHashKey: 5n, endingHashKey: 9n }], 4n)).toBeUndefined();
});
