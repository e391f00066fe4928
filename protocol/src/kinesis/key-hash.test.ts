import * as fc from "fast-check";
import { expect, test } from "vitest";
import { KeyHash } from "./key-hash.js";
import { hashPartitionKey } from "./partition-key.js";

test("the hash key is what Node's MD5 says, wherever the key stands and however long it is", () =>
  fc.assert(
    fc.property(fc.string({ maxLength: 130, unit: "binary" }), fc.nat(9), (partitionKey, from) => {
      const key = Buffer.from(partitionKey);
      const hash = new KeyHash();
      hash.update(Buffer.from("the key before"), 0, 14);
      hash.update(Buffer.concat([Buffer.alloc(from, 1), key, Buffer.alloc(9, 2)]), from, from + key.length);
      expect(hash.hashKey).toBe(hashPartitionKey(key.toString()));
      expect(hash.first48).toBe(Number(hash.hashKey >> 80n));
    }),
    { numRuns: 200 },
  ));

test("every length around the ends of blocks", () => {
  const hash = new KeyHash();
  for (let length = 0; length <= 200; length++) {
    const key = Buffer.alloc(length, "k");
    hash.update(key, 0, length);
    expect(hash.hashKey).toBe(hashPartitionKey(key.toString()));
  }
});
