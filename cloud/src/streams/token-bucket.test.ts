import * as fc from "fast-check";
import { expect, test } from "vitest";
import { TokenBucket } from "./token-bucket.js";

test("holds one second's worth, and fills at its rate", () => {
  const bucket = new TokenBucket(1000, 0);
  expect(bucket.has(1000, 0)).toBe(true);
  bucket.take(1000);
  expect(bucket.has(1, 0)).toBe(false);
  expect(bucket.has(500, 500)).toBe(true);
  expect(bucket.has(501, 500)).toBe(false);
  expect(bucket.has(1001, 60_000)).toBe(false);
});

test("a clock that goes back neither fills nor stops it", () => {
  const bucket = new TokenBucket(10, 10_000);
  bucket.take(10);
  expect(bucket.has(1, 0)).toBe(false);
  expect(bucket.has(10, 1000)).toBe(true);
});

test("never lets through more than the rate and one second in hand", () =>
  fc.assert(
    fc.property(fc.array(fc.record({ waitMs: fc.nat(400), tokens: fc.integer({ min: 1, max: 60 }) })), (steps) => {
      const bucket = new TokenBucket(100, 0);
      let now = 0;
      let taken = 0;
      for (const { waitMs, tokens } of steps) {
        now += waitMs;
        if (!bucket.has(tokens, now)) continue;
        bucket.take(tokens);
        taken += tokens;
      }
      expect(taken).toBeLessThanOrEqual(100 + now / 10 + 1e-6);
    }),
  ));
