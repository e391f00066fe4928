import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Frame } from "../api.js";
import { BatchChecksum, encodeCommitMark, markHolds } from "./commit-mark.js";
import { type EncodedAppend, encodeRecords, encodeState, stampAppend } from "./encoded-append.js";
import { FrameKind, frameBytes, frameHeaderBytes, readFrameHeader } from "./frame.js";
import { readOrigin } from "./origin.js";

const fileId = { low: 0x89abcdef, high: 0x01234567 };
const place = { shard: 5, position: 0x1_0000_0002, arrivalMs: 1_700_000_000_123 };
const origin = { producer: "cam-1", spoolId: "0190a6b2-7c3d-7e4f-8a1b-0123456789ab", request: 77, entry: 3 };

function bytesOf(append: EncodedAppend, batch = new BatchChecksum()): Buffer {
  stampAppend(append, { fileId, batch: 9, offset: 4096, ordinal: 2 }, batch);
  const { buffers, block, from, to } = append;
  return Buffer.concat(buffers ?? [block.slab.subarray(from, to)]);
}

const viewOf = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

function headerAt(bytes: Buffer, at: number) {
  return readFrameHeader(viewOf(bytes), bytes, at);
}

// Written by the layout in frame.ts, origin.ts and commit-mark.ts; the checksums with Python's zlib.crc32. What they say
// must never change within format version 1: these are the bytes that lie on disks.
describe("the bytes on disk", () => {
  test("of a record with an origin", () => {
    expect(bytesOf(encodeRecords([{ origin, data: Buffer.from("payload") }], place)).toString("hex")).toBe(
      [
        "cdf2f5230104000007000000ee96e4f1efcdab8967452301090000000500000002000000010000007b68e5cf8b010000",
        "02000000000200004d000000000000000190a6b27c3d7e4f8a1b0123456789ab03000563616d2d317061796c6f616400",
      ].join(""),
    );
  });

  test("of a record without one", () => {
    expect(bytesOf(encodeRecords([{ data: Buffer.from("12345678") }], place)).toString("hex")).toBe(
      [
        "b3f758ee0100000008000000afdae09aefcdab8967452301090000000500000002000000010000007b68e5cf8b010000",
        "02000000000200003132333435363738",
      ].join(""),
    );
  });

  test("of a state", () => {
    expect(bytesOf(encodeState(Buffer.from("s"), 12, place)).toString("hex")).toBe(
      [
        "3350e4040201000001000000ee0e4669efcdab8967452301090000000500000002000000010000007b68e5cf8b010000",
        "02000000000200000c000000000000007300000000000000",
      ].join(""),
    );
  });

  test("of a commit mark", () => {
    const batch = new BatchChecksum();
    bytesOf(encodeRecords([{ data: Buffer.from("12345678") }], place), batch);
    const mark = encodeCommitMark(batch, { fileId, batch: 9, offset: 4160, arrivalMs: 1_700_000_000_456 });
    expect(mark.toString("hex")).toBe(
      [
        "d50ae8930301000000000000b5f97763efcdab896745230109000000ffffffff0000000000000000c869e5cf8b010000",
        "0000000008020000010000001e43d8ab",
      ].join(""),
    );
  });
});

/** Any frames that may be appended. */
const frames: fc.Arbitrary<Frame[]> = fc.array(
  fc.record(
    {
      origin: fc.record({
        producer: fc.string({ unit: "binary", maxLength: 60 }),
        spoolId: fc.uuid(),
        request: fc.maxSafeNat(),
        entry: fc.nat(0xffff),
      }),
      data: fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 }),
        fc.nat(20_000).map((length) => Buffer.alloc(length, 1)),
      ),
    },
    { requiredKeys: ["data"] },
  ),
  { minLength: 1, maxLength: 8 },
);

const payloadOf = ({ data }: Frame) => Buffer.concat(data instanceof Uint8Array ? [data] : data);

test("frames are read as they were written", () => {
  fc.assert(
    fc.property(frames, (written) => {
      const batch = new BatchChecksum();
      const append = encodeRecords(written, place);
      const bytes = bytesOf(append, batch);
      expect(bytes).toHaveLength(append.bytes);
      const found = new BatchChecksum();
      let at = 0;
      for (const [i, frame] of written.entries()) {
        const header = headerAt(bytes, at)!;
        const payload = payloadOf(frame);
        expect(header).toMatchObject({
          kind: FrameKind.record,
          payloadBytes: payload.length,
          fileId,
          batch: 9,
          shard: 5,
          position: place.position + i,
          arrivalMs: place.arrivalMs,
          ordinal: 2 + i,
          offset: 4096 + at,
        });
        const section = at + frameHeaderBytes;
        const end = at + frameBytes(header.sectionBytes, header.payloadBytes);
        expect(crc32(bytes.subarray(section, end))).toBe(header.payloadChecksum);
        const from = section + header.sectionBytes;
        expect(bytes.subarray(from, from + payload.length).equals(payload)).toBe(true);
        const read =
          header.sectionBytes > 0 ? readOrigin(viewOf(bytes), bytes, section, header.sectionBytes) : undefined;
        expect(read).toEqual(frame.origin);
        found.add(bytes.readUInt32LE(at));
        at = end;
      }
      expect(at).toBe(bytes.length);
      const mark = encodeCommitMark(batch, { fileId, batch: 9, offset: 4096 + at, arrivalMs: 1 });
      expect(markHolds(viewOf(mark), 0, found)).toBe(true);
      found.add(0);
      expect(markHolds(viewOf(mark), 0, found)).toBe(false);
    }),
  );
});

test("a header with any other bit is none", () => {
  const bytes = bytesOf(encodeRecords([{ origin, data: Buffer.from("payload") }], place));
  for (let bit = 0; bit < frameHeaderBytes * 8; bit++) {
    bytes[bit >>> 3]! ^= 1 << (bit & 7);
    expect(headerAt(bytes, 0)).toBeUndefined();
    bytes[bit >>> 3]! ^= 1 << (bit & 7);
  }
  expect(headerAt(bytes, 0)).toBeDefined();
});

test("any bytes, cut anywhere, are no header", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(250), (random, at) => {
      expect(headerAt(Buffer.from(random), at)).toBeUndefined();
    }),
    { numRuns: 1000 },
  );
  const bytes = bytesOf(encodeRecords([{ data: Buffer.from("payload") }], place));
  for (let length = 0; length < frameHeaderBytes; length++)
    expect(headerAt(bytes.subarray(0, length), 0)).toBeUndefined();
  expect(headerAt(Buffer.alloc(frameHeaderBytes), 0)).toBeUndefined();
});

function encode(change: Partial<typeof origin>) {
  return () => encodeRecords([{ origin: { ...origin, ...change }, data: Buffer.alloc(1) }], place);
}

test("an origin out of its bounds is the caller's mistake, and says which", () => {
  expect(encode({ producer: "ü".repeat(127) })).not.toThrow();
  expect(encode({ producer: "ü".repeat(128) })).toThrow(new RangeError("origin.producer over 255 bytes"));
  for (const request of [-1, 0.5, 2 ** 53, NaN]) expect(encode({ request })).toThrow("origin.request out of range");
  for (const entry of [-1, 0.5, 65_536]) expect(encode({ entry })).toThrow("origin.entry out of range");
  expect(encode({ spoolId: "no uuid" })).toThrow("origin.spoolId is no UUID");
});
