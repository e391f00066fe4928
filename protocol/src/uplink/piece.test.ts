import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodePiece, encodePiece, pieceLimits, type FrameSlice, type VideoPiece } from "./piece.js";
import { UplinkError } from "./uplink-error.js";

const golden: VideoPiece = {
  stream: "cam",
  fragment: 7,
  index: 0,
  isLast: false,
  clockUnsynchronised: true,
  producerMs: 1795207096000,
  tracks: [
    {
      number: 1,
      type: "video",
      codecId: "V_X",
      language: "eng",
      codecPrivate: Buffer.from("01ff", "hex"),
      defaultDurationNs: 40_000_000,
      video: { width: 1280, height: 720 },
    },
    {
      number: 2,
      type: "audio",
      codecId: "A_AAC",
      language: "und",
      name: "é",
      audio: { sampleRateHz: 48_000, channels: 2 },
    },
  ],
  slices: [
    { track: 2, isKey: true, timeMs: -21, frameBytes: 2, offset: 0, data: Buffer.from("aabb", "hex") },
    { track: 1, isKey: true, timeMs: 0, frameBytes: 300, offset: 0, data: Buffer.from("cc", "hex") },
  ],
};
// Version 1 as devices in the field send it: these bytes never change. The numbers were made with Python's struct.
const goldenHex = [
  "01 05 0300 0200 0200 0700000000000000 c066aefaa1010000 00000000 00000000 63616d",
  "01 01 0d 00 0300 0300 0000 0000 02000000 005a620200000000 00050000 d0020000 00000000 565f58 656e67 01ff",
  "02 02 0a 00 0500 0300 0200 0000 00000000 0000000000000000 000000000070e740 02000000 415f414143 756e64 c3a9",
  "02 01 ebff 02000000 00000000 02000000 aabb",
  "01 01 0000 2c010000 00000000 01000000 cc",
]
  .join("")
  .replaceAll(" ", "");

test("the bytes of a piece", () => {
  expect(encodePiece(golden).toString("hex")).toBe(goldenHex);
  expect(decodePiece(Buffer.from(goldenHex, "hex"))).toEqual(golden);
});

const bytes = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength }).map((data) => Buffer.from(data));
const text = (minLength: number) => fc.string({ unit: "binary", minLength, maxLength: 12 });
const anyTrack = fc
  .record({
    isVideo: fc.boolean(),
    codecId: text(1),
    language: text(0),
    name: fc.option(text(0), { nil: undefined }),
    codecPrivate: fc.option(
      fc.uint8Array({ maxLength: 30 }).map((data) => Buffer.from(data)),
      { nil: undefined },
    ),
    defaultDurationNs: fc.option(fc.maxSafeNat(), { nil: undefined }),
    format: fc.option(fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)), { nil: undefined }),
  })
  .map(({ isVideo, codecId, language, name, codecPrivate, defaultDurationNs, format }) => ({
    type: isVideo ? ("video" as const) : ("audio" as const),
    codecId,
    language,
    ...(name === undefined ? {} : { name }),
    ...(codecPrivate === undefined ? {} : { codecPrivate }),
    ...(defaultDurationNs === undefined ? {} : { defaultDurationNs }),
    ...(format === undefined
      ? {}
      : isVideo
        ? { video: { width: format[0], height: format[1] } }
        : { audio: { sampleRateHz: format[0] + 0.5, channels: format[1] } }),
  }));
const wholeFrame = fc
  .record({
    track: fc.integer({ min: 1, max: 2 }),
    isKey: fc.boolean(),
    timeMs: fc.integer({ min: -32768, max: 32767 }),
    data: bytes(40),
  })
  .map((frame): FrameSlice => ({ ...frame, frameBytes: frame.data.length, offset: 0 }));
const anyPiece: fc.Arbitrary<VideoPiece> = fc
  .record({
    stream: text(0),
    fragment: fc.maxSafeNat(),
    index: fc.oneof(fc.constant(0), fc.nat(0xffffffff)),
    isLast: fc.boolean(),
    clockUnsynchronised: fc.boolean(),
    producerMs: fc.nat(8_640_000_000_000_000),
    tracks: fc.tuple(anyTrack, anyTrack),
    before: fc.nat(1000),
    after: fc.nat(1000),
    slices: fc.array(wholeFrame, { maxLength: 4 }),
  })
  .map(({ tracks, before, after, slices: frames, ...piece }) => {
    const slices = [...frames];
    const [first] = slices;
    if (piece.index > 0 && first !== undefined)
      slices[0] = { ...first, offset: before, frameBytes: before + first.data.length };
    const last = slices.at(-1);
    if (!piece.isLast && last !== undefined)
      slices[slices.length - 1] = { ...last, frameBytes: last.frameBytes + after };
    const numbered = tracks.map((track, i) => ({ number: i + 1, ...track }));
    return { ...piece, ...(piece.index === 0 ? { tracks: numbered } : {}), slices };
  });

test("what was encoded decodes to the same", () =>
  fc.assert(
    fc.property(anyPiece, (piece) => {
      expect(decodePiece(encodePiece(piece))).toEqual(piece);
    }),
    { numRuns: 150 },
  ));

test("any other bytes are refused with a typed error, or are the one encoding of what they decode to", () =>
  fc.assert(
    fc.property(anyPiece, fc.nat(), fc.nat(255), fc.nat(40), (piece, where, byte, cut) => {
      const encoded = encodePiece(piece);
      encoded[where % encoded.length] = byte;
      expect(isRefusedOrCanonical(encoded.subarray(0, Math.max(0, encoded.length - (cut < 25 ? 0 : cut))))).toBe(true);
    }),
    { numRuns: 1500 },
  ));

test("noise is refused with a typed error, or is the one encoding of what it decodes to", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (noise) => {
      expect(isRefusedOrCanonical(Buffer.concat([Buffer.of(1), noise]))).toBe(true);
    }),
    { numRuns: 1000 },
  ));

test("counts that the bytes cannot hold cost no memory", () => {
  const encoded = encodePiece({ ...golden, slices: [] });
  encoded.writeUInt16LE(0xffff, 6);
  expect(() => decodePiece(encoded)).toThrow(expect.objectContaining({ code: "malformed-piece" }));
});

const slice: FrameSlice = { track: 1, isKey: false, timeMs: 0, frameBytes: 4, offset: 0, data: Buffer.alloc(4) };
const later: VideoPiece = {
  stream: "cam",
  fragment: 7,
  index: 1,
  isLast: false,
  clockUnsynchronised: false,
  producerMs: 0,
  slices: [slice],
};
const [firstTrack] = golden.tracks!;

test.each<[string, VideoPiece]>([
  ["a first piece without tracks", { ...later, index: 0 }],
  ["a later piece with tracks", { ...golden, index: 1 }],
  ["two tracks of one number", { ...golden, tracks: [firstTrack!, firstTrack!] }],
  ["more tracks than Kinesis takes", { ...golden, tracks: [1, 2, 3, 4].map((number) => ({ ...firstTrack!, number })) }],
  ["a track whose number takes two bytes", { ...golden, tracks: [{ ...firstTrack!, number: 127 }] }],
  ["a frame of a track that the init does not have", { ...golden, slices: [{ ...slice, track: 3 }] }],
  ["an empty slice", { ...later, slices: [{ ...slice, data: Buffer.of() }] }],
  ["a slice past its frame's end", { ...later, slices: [{ ...slice, offset: 1 }] }],
  [
    "a frame begun within a piece's middle",
    { ...later, slices: [slice, { ...slice, offset: 1, data: Buffer.alloc(3) }] },
  ],
  ["a frame that ends in another piece, before others", { ...later, slices: [{ ...slice, frameBytes: 5 }, slice] }],
  ["a last piece that leaves a frame open", { ...later, isLast: true, slices: [{ ...slice, frameBytes: 5 }] }],
  ["a first piece that begins within a frame", { ...golden, slices: [{ ...slice, offset: 1, data: Buffer.alloc(3) }] }],
  ["a frame too far from its fragment", { ...later, slices: [{ ...slice, timeMs: 32_768 }] }],
  ["a time between two milliseconds", { ...later, producerMs: 0.5 }],
  ["a frame too large", { ...later, slices: [{ ...slice, frameBytes: pieceLimits.frameBytesMax + 1 }] }],
  [
    "too many bytes",
    { ...later, slices: [{ ...slice, frameBytes: 300_000, data: Buffer.alloc(pieceLimits.sliceBytesMax + 1) }] },
  ],
])("refuses to encode %s", (_name, piece) => {
  expect(() => encodePiece(piece)).toThrow(expect.objectContaining({ name: "UplinkError", code: "malformed-piece" }));
});

test("a later version is told from a malformed piece", () => {
  const encoded = encodePiece(later);
  encoded.writeUInt8(2, 0);
  expect(() => decodePiece(encoded)).toThrow(expect.objectContaining({ code: "unsupported-version" }));
});

test("the end of a fragment may be told when its last frame is long gone", () => {
  const end: VideoPiece = { ...later, isLast: true, slices: [] };
  expect(decodePiece(encodePiece(end))).toEqual(end);
});

function isRefusedOrCanonical(encoded: Buffer): boolean {
  try {
    return encodePiece(decodePiece(encoded)).equals(encoded);
  } catch (error) {
    if (error instanceof UplinkError) return true;
    throw error;
  }
}
