import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeRecordsEnvelope } from "./envelope.js";
import { UplinkError } from "./uplink-error.js";
import { decodeVideoEnvelope, encodeVideoEnvelope, type VideoEnvelope } from "./video-envelope.js";

const golden: VideoEnvelope = {
  spoolId: "0f8fad5b-d9cb-469f-a165-70867728950e",
  lane: 2,
  sequence: 2 ** 53 - 1,
  piece: Buffer.from("piece"),
};
// Version 1 as devices in the field send it: these bytes never change. The checksum was made with Python's zlib.
const goldenHex = ["48570102 02000000 0f8fad5bd9cb469fa16570867728950e", "4be58583", "ffffffffffff1f00 7069656365"]
  .join("")
  .replaceAll(" ", "");

test("the bytes of an envelope", () => {
  expect(encodeVideoEnvelope(golden).toString("hex")).toBe(goldenHex);
  expect(decodeVideoEnvelope(Buffer.from(goldenHex, "hex"))).toEqual(golden);
});

const envelope: fc.Arbitrary<VideoEnvelope> = fc.record({
  spoolId: fc.uuid(),
  lane: fc.nat(255),
  sequence: fc.maxSafeNat(),
  piece: fc.uint8Array({ maxLength: 50 }).map((piece) => Buffer.from(piece)),
});

test("what was encoded decodes to the same", () =>
  fc.assert(
    fc.property(envelope, (given) => {
      expect(decodeVideoEnvelope(encodeVideoEnvelope(given))).toEqual(given);
    }),
  ));

test("bytes under a right checksum are refused with a typed error, or are the one encoding of what they decode to", () =>
  fc.assert(
    fc.property(envelope, fc.nat(), fc.nat(255), (given, where, byte) => {
      const bytes = encodeVideoEnvelope(given);
      bytes[where % bytes.length] = byte;
      bytes.writeUInt32LE(crc32(bytes.subarray(28)), 24);
      expect(isRefusedOrCanonical(bytes)).toBe(true);
    }),
    { numRuns: 1000 },
  ));

test("a flipped bit behind the checksum is refused", () => {
  const bytes = encodeVideoEnvelope(golden);
  bytes[40] = bytes[40]! ^ 1;
  expect(() => decodeVideoEnvelope(bytes)).toThrow(expect.objectContaining({ code: "corrupt-envelope" }));
});

test("an envelope of records is none of video", () => {
  const records = encodeRecordsEnvelope({ spoolId: golden.spoolId, lane: 0, entries: [] });
  expect(() => decodeVideoEnvelope(records)).toThrow(expect.objectContaining({ code: "unsupported-version" }));
});

test("an envelope without room for a sequence is malformed", () => {
  const bytes = encodeVideoEnvelope(golden).subarray(0, 35);
  bytes.writeUInt32LE(crc32(bytes.subarray(28)), 24);
  expect(() => decodeVideoEnvelope(bytes)).toThrow(expect.objectContaining({ code: "malformed-envelope" }));
});

function isRefusedOrCanonical(bytes: Buffer): boolean {
  try {
    return encodeVideoEnvelope(decodeVideoEnvelope(bytes)).equals(bytes);
  } catch (error) {
    if (error instanceof UplinkError) return true;
    throw error;
  }
}
