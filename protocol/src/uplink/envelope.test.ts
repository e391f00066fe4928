import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRecordsEnvelope, encodeRecordsEnvelope, type RecordsEnvelope } from "./envelope.js";
import { UplinkError } from "./uplink-error.js";

const spoolId = "0f8fad5b-d9cb-469f-a165-70867728950e";

const golden: RecordsEnvelope = {
  spoolId,
  lane: 0,
  entries: [
    { sequence: 1, captureMs: 1795207096000.25, clockUnsynchronised: false, record: Buffer.from("a") },
    { sequence: 2 ** 53 - 1, captureMs: 0, clockUnsynchronised: true, record: Buffer.of() },
  ],
};
// Version 1 as devices in the field send it: these bytes never change. Made with Python's struct and zlib.
const goldenHex = [
  "4857 01 01 00 000000 0f8fad5bd9cb469fa16570867728950e fa2ed5e6 02000000",
  "0100000000000000 00046ce6aa1f7a42 00 000000 01000000 61",
  "ffffffffffff1f00 0000000000000000 01 000000 00000000",
]
  .join("")
  .replaceAll(" ", "");

test("the bytes of an envelope", () => {
  expect(encodeRecordsEnvelope(golden).toString("hex")).toBe(goldenHex);
  expect(decodeRecordsEnvelope(Buffer.from(goldenHex, "hex"))).toEqual(golden);
});

const envelope: fc.Arbitrary<RecordsEnvelope> = fc.record({
  spoolId: fc.uuid(),
  lane: fc.nat(255),
  entries: fc.array(
    fc.record({
      sequence: fc.maxSafeNat(),
      captureMs: fc.double({ noNaN: true, min: 0, max: 8.64e15 }),
      clockUnsynchronised: fc.boolean(),
      record: fc.uint8Array({ maxLength: 50 }).map((record) => Buffer.from(record)),
    }),
    { maxLength: 10 },
  ),
});

test("what was encoded decodes to the same", () =>
  fc.assert(
    fc.property(envelope, (given) => {
      expect(decodeRecordsEnvelope(encodeRecordsEnvelope(given))).toEqual(given);
    }),
  ));

test("a flipped bit or a cut is refused with a typed error", () =>
  fc.assert(
    fc.property(envelope, fc.nat(), fc.boolean(), (given, where, cut) => {
      const bytes = encodeRecordsEnvelope(given);
      // The spool id and lane lie outside the checksum: another id is another valid envelope.
      const bit = where % (bytes.length * 8);
      const at = bit >> 3;
      fc.pre(cut || at < 4 || at >= 24 || (at >= 5 && at < 8));
      if (!cut) bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      const mangled = cut ? bytes.subarray(0, where % bytes.length) : bytes;
      expect(() => decodeRecordsEnvelope(mangled)).toThrow(UplinkError);
    }),
    { numRuns: 1000 },
  ));

test("bytes under a right checksum are refused with a typed error, or are the one encoding of what they decode to", () =>
  fc.assert(
    fc.property(envelope, fc.nat(), fc.nat(255), fc.nat(40), (given, where, byte, cut) => {
      const whole = encodeRecordsEnvelope(given);
      whole[where % whole.length] = byte;
      const bytes = whole.subarray(0, Math.max(32, whole.length - (cut < 25 ? 0 : cut)));
      bytes.writeUInt32LE(crc32(bytes.subarray(28)), 24);
      expect(isRefusedOrCanonical(bytes)).toBe(true);
    }),
    { numRuns: 2000 },
  ));

test("an entry count that the bytes cannot hold costs no memory", () => {
  const bytes = encodeRecordsEnvelope({ spoolId, lane: 0, entries: [] });
  bytes.writeUInt32LE(0xffffffff, 28);
  bytes.writeUInt32LE(crc32(bytes.subarray(28)), 24);
  expect(() => decodeRecordsEnvelope(bytes)).toThrow(expect.objectContaining({ code: "malformed-envelope" }));
});

test.each([
  ["nothing", Buffer.of(), "malformed-envelope"],
  ["JSON", Buffer.from(JSON.stringify({ temperature: 21.5, unit: "celsius" })), "malformed-envelope"],
  ["a later version", mangled((bytes) => bytes.writeUInt8(2, 2)), "unsupported-version"],
  ["another kind", mangled((bytes) => bytes.writeUInt8(2, 3)), "unsupported-version"],
  ["unknown envelope flags", mangled((bytes) => bytes.writeUInt8(1, 5)), "malformed-envelope"],
  ["a wrong checksum", mangled((bytes) => bytes.writeUInt8(99, 60)), "corrupt-envelope"],
])("refuses %s", (_name, payload, code) => {
  expect(() => decodeRecordsEnvelope(payload)).toThrow(expect.objectContaining({ name: "UplinkError", code }));
});

test.each(["not-a-uuid", spoolId.toUpperCase(), spoolId + "00", ""])("refuses to encode spool id %j", (spoolId) => {
  expect(() => encodeRecordsEnvelope({ spoolId, lane: 0, entries: [] })).toThrow(UplinkError);
});

function mangled(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(goldenHex, "hex");
  change(bytes);
  return bytes;
}

function isRefusedOrCanonical(bytes: Buffer): boolean {
  try {
    return encodeRecordsEnvelope(decodeRecordsEnvelope(bytes)).equals(bytes);
  } catch (error) {
    if (error instanceof UplinkError) return true;
    throw error;
  }
}
