import * as fc from "fast-check";
import { expect, test } from "vitest";
import { captureOf, decodeRecord, encodeRecord, type UplinkRecord } from "./record.js";
import { UplinkError } from "./uplink-error.js";

// Version 1 as devices in the field send it: these bytes never change.
const golden: readonly (readonly [string, UplinkRecord, string])[] = [
  [
    "plain",
    { stream: "sensors", partitionKey: "pi-1", boot: 3, monotonicMs: 1234.5, data: Buffer.from("hello") },
    "01 00 0700 0400 0000 03000000 00000000 00000000004a9340 73656e736f7273 70692d31 68656c6c6f",
  ],
  [
    "with an explicit hash key and a key beyond ASCII",
    { stream: "s", partitionKey: "é😀", explicitHashKey: "340", boot: 0xffffffff, monotonicMs: 0, data: Buffer.of() },
    "01 01 0100 0600 0300 ffffffff 00000000 0000000000000000 73 c3a9f09f9880 333430",
  ],
];

test.each(golden)("the bytes of a record: %s", (_name, record, spaced) => {
  const hex = spaced.replaceAll(" ", "");
  expect(encodeRecord(record).toString("hex")).toBe(hex);
  expect(decodeRecord(Buffer.from(hex, "hex"))).toEqual({ ...record, data: Buffer.from(record.data) });
});

const record: fc.Arbitrary<UplinkRecord> = fc
  .record({
    stream: fc.string({ unit: "binary", maxLength: 20 }),
    partitionKey: fc.string({ unit: "binary", maxLength: 300 }),
    explicitHashKey: fc.option(fc.string({ unit: "binary", maxLength: 40 }), { nil: undefined }),
    boot: fc.nat(0xffffffff),
    monotonicMs: fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }),
    data: fc.uint8Array({ maxLength: 200 }).map((data) => Buffer.from(data)),
  })
  .map(({ explicitHashKey, ...rest }) => ({ ...rest, ...(explicitHashKey === undefined ? {} : { explicitHashKey }) }));

test("what was encoded decodes to the same", () =>
  fc.assert(
    fc.property(record, (given) => {
      const bytes = encodeRecord(given);
      expect(decodeRecord(bytes)).toEqual(given);
      expect(captureOf(bytes)).toEqual({ boot: given.boot, monotonicMs: given.monotonicMs });
    }),
  ));

test("any other bytes are refused with a typed error, or are the one encoding of what they decode to", () =>
  fc.assert(
    fc.property(record, fc.nat(), fc.nat(255), fc.nat(30), (given, where, byte, cut) => {
      const bytes = encodeRecord(given);
      bytes[where % Math.min(bytes.length, 60)] = byte;
      const mangled = bytes.subarray(0, Math.max(0, bytes.length - (cut < 20 ? 0 : cut * 3)));
      expect(isRefusedOrCanonical(mangled)).toBe(true);
    }),
    { numRuns: 2000 },
  ));

test("noise is refused with a typed error, or is the one encoding of what it decodes to", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
      expect(isRefusedOrCanonical(Buffer.from(noise))).toBe(true);
    }),
    { numRuns: 1000 },
  ));

test.each([
  ["too short", "0100", "malformed-record"],
  ["a later version", "02" + "00".repeat(23), "unsupported-version"],
  ["an unknown flag", "0102" + "00".repeat(22), "malformed-record"],
  ["fields past the end", "0100ffff" + "00".repeat(20), "malformed-record"],
  ["an explicit hash key without its flag", "0100000000000100" + "00".repeat(16) + "31", "malformed-record"],
  ["a stream name that is not UTF-8", "01000100" + "00".repeat(20) + "ff", "malformed-record"],
  ["a character cut by a field's end", "0100010001" + "00".repeat(19) + "c3a9", "malformed-record"],
  ["not a number of milliseconds", "01" + "00".repeat(15) + "000000000000f87f", "malformed-record"],
  ["negative milliseconds", "01" + "00".repeat(15) + "000000000000f0bf", "malformed-record"],
])("refuses %s", (_name, hex, code) => {
  expect(() => decodeRecord(Buffer.from(hex, "hex"))).toThrow(expect.objectContaining({ name: "UplinkError", code }));
});

test("refuses to encode a field that its length cannot say", () => {
  const given = { stream: "s", partitionKey: "k".repeat(65_536), boot: 0, monotonicMs: 0, data: Buffer.of() };
  expect(() => encodeRecord(given)).toThrow(expect.objectContaining({ code: "field-too-long" }));
});

function isRefusedOrCanonical(bytes: Buffer): boolean {
  try {
    return encodeRecord(decodeRecord(bytes)).equals(bytes);
  } catch (error) {
    if (error instanceof UplinkError) return true;
    throw error;
  }
}
