import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatContinuationNumber,
  formatSequenceNumber,
  parseContinuationNumber,
  parseSequenceNumber,
  sequenceNumbersOf,
} from "./sequence-number.js";

const sequenceNumber = fc.record({
  shardEpoch: fc.nat(9_999_999_999),
  position: fc.maxSafeNat(),
  index: fc.nat(99_999),
});

test("the digits of a sequence number", () => {
  const digits = "49 0000000002 00000000000000000345 00006 0000000000000000000".replaceAll(" ", "");
  expect(formatSequenceNumber({ shardEpoch: 2, position: 345, index: 6 })).toBe(digits);
  expect(digits).toHaveLength(56);
});

test("what was written reads back the same", () =>
  fc.assert(
    fc.property(sequenceNumber, (given) => {
      expect(parseSequenceNumber(formatSequenceNumber(given))).toEqual(given);
    }),
  ));

test("numbers order as strings the way their parts order", () =>
  fc.assert(
    fc.property(sequenceNumber, sequenceNumber, (a, b) => {
      const byParts = a.shardEpoch - b.shardEpoch || a.position - b.position || a.index - b.index;
      const [left, right] = [formatSequenceNumber(a), formatSequenceNumber(b)];
      expect(left < right ? -1 : left > right ? 1 : 0).toBe(Math.sign(byParts));
    }),
  ));

test.each([
  "",
  "0",
  "49",
  "48" + "0".repeat(54),
  "49" + "0".repeat(53),
  "49" + "0".repeat(55),
  "49" + "0".repeat(53) + "1",
  "49" + "9".repeat(35) + "0".repeat(19),
  "TRIM_HORIZON",
])("%j is none of ours", (text) => {
  expect(parseSequenceNumber(text)).toBeUndefined();
});

test("a shard's numbers are those that are written one by one", () =>
  fc.assert(
    fc.property(fc.nat(9_999_999_999), fc.nat(Number.MAX_SAFE_INTEGER), (shardEpoch, position) => {
      const whole = formatSequenceNumber({ shardEpoch, position, index: 0 });
      expect(sequenceNumbersOf(shardEpoch)(position)).toBe(whole);
    }),
  ));

test("a continuation number lies between a record and the one before, also before a shard's first", () =>
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9_999_999_999 }), fc.maxSafeNat(), (shardEpoch, position) => {
      const number = formatContinuationNumber({ shardEpoch, position });
      const before = position === 0 ? { shardEpoch: shardEpoch - 1 } : { shardEpoch, position: position - 1 };
      expect(number < formatSequenceNumber({ shardEpoch, position, index: 0 })).toBe(true);
      expect(number > formatSequenceNumber({ position: Number.MAX_SAFE_INTEGER, ...before, index: 99_999 })).toBe(true);
      expect(parseContinuationNumber(number)).toEqual({ shardEpoch, position, index: 0 });
      expect(parseSequenceNumber(number)).toBeUndefined();
    }),
  ));

test.each(["", "9".repeat(56), "49" + "0".repeat(54), "4" + "9".repeat(55)])("%j continues nothing", (text) => {
  expect(parseContinuationNumber(text)).toBeUndefined();
});
