import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildAvcC, parseAvcC, ppsIdOf } from "./avc-configuration.js";
import { H264Error } from "./h264-error.js";

const hex = (spaced: string): Buffer => Buffer.from(spaced.replaceAll(" ", ""), "hex");

/** CodecPrivate as x264 (build 164) writes it, and what was asked of it. */
const records = [
  {
    what: "High, cropped, 16:9 by its pixels, B-frames as a pyramid",
    record: hex(
      "0164000d ffe1001c 6764000dacd94141fe4affc1dc01614400000fa40003a9803c50a658 01000668ebe3cb22c0 fdf8f800",
    ),
    codec: "avc1.64000d",
    sps: { width: 314, height: 238, pixelAspect: [1904, 1413], frameRate: 30_000 / 1001, reorderFrames: 2 },
  },
  {
    what: "Constrained Baseline with buffering parameters",
    record: hex(
      "0142c028 ffe10024 6742c028da01e0089f9701100000030010000003032e04000f424001e84e4c20078c1950 01000468ce3c80",
    ),
    codec: "avc1.42c028",
    sps: { width: 1920, height: 1080, pixelAspect: [1, 1], frameRate: 25, reorderFrames: 0 },
  },
  {
    what: "High 4:4:4 with scaling lists",
    record: hex("01f4000d ffe10019 67f4000d919b28283f6022000003000200000300641e28532c 01000868ebe3c44c000440 fff8f800"),
    codec: "avc1.f4000d",
    sps: { width: 320, height: 240, chromaFormat: 3, frameRate: 25, reorderFrames: 2 },
  },
  {
    what: "interlaced",
    record: hex("01640015 ffe1001a 67640015acd941410fcb808800000300080000030190f8a14cb0 01000668fba3cb22c0 fdf8f800"),
    codec: "avc1.640015",
    sps: { width: 320, height: 240, frameRate: 25, reorderFrames: 2 },
  },
];

describe.each(records)("$what", ({ record, codec, sps }) => {
  test("is read", () => {
    const found = parseAvcC(record);
    expect(found).toMatchObject({ codec, sps, lengthBytes: 4 });
    expect(found.spsUnits).toHaveLength(1);
    expect(found.ppsUnits.map(ppsIdOf)).toEqual([0]);
  });

  test("is built from its parameter sets, to the byte", () => {
    const { spsUnits, ppsUnits } = parseAvcC(record);
    expect(buildAvcC(spsUnits, ppsUnits)).toEqual(record);
  });
});

const [{ record } = { record: Buffer.of() }] = records;

test.each([1, 2, 4] as const)("lengths of %i bytes", (lengthBytes) => {
  const { spsUnits, ppsUnits } = parseAvcC(record);
  expect(parseAvcC(buildAvcC(spsUnits, ppsUnits, lengthBytes)).lengthBytes).toBe(lengthBytes);
});

const changed = (at: number, byte: number): Buffer => {
  const copy = Buffer.from(record);
  copy[at] = byte;
  return copy;
};

test.each([
  ["nothing", Buffer.of(), "MissingCodecPrivateData"],
  ["start codes", hex("000000016764000d"), "InvalidCodecPrivateData"],
  ["a later version", changed(0, 2), "InvalidCodecPrivateData"],
  ["lengths of 3 bytes", changed(4, 0xfe), "InvalidCodecPrivateData"],
  ["no sequence parameter set", hex("0164000dffe0 01000668ebe3cb22c0"), "InvalidCodecPrivateData"],
  ["more sets than there are", changed(5, 0xe2), "InvalidCodecPrivateData"],
  ["a set past the end", changed(6, 0xff), "InvalidCodecPrivateData"],
  ["another NAL unit for a set", changed(8, 0x65), "InvalidCodecPrivateData"],
  ["the first half", record.subarray(0, 24), "InvalidCodecPrivateData"],
])("refuses %s", (_name, bytes, code) => {
  expect(() => parseAvcC(bytes)).toThrow(expect.objectContaining({ name: "H264Error", code }));
});

test("refuses to build a record that could not hold its sets", () => {
  const { spsUnits, ppsUnits } = parseAvcC(record);
  const refused = expect.objectContaining({ code: "InvalidCodecPrivateData" }) as Error;
  expect(() => buildAvcC([], ppsUnits)).toThrow(refused);
  expect(() => buildAvcC(Array.from({ length: 32 }, () => spsUnits).flat(), ppsUnits)).toThrow(refused);
  expect(() => buildAvcC(spsUnits, [Buffer.alloc(65_536, 0x68)])).toThrow(refused);
});

test("any bytes are read or refused with a typed error", () =>
  fc.assert(
    fc.property(
      fc.constantFrom(...records.map(({ record }) => record)),
      fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }),
      fc.nat(80),
      (given, flips, length) => {
        const bytes = Buffer.from(given.subarray(0, flips.length === 0 ? length : undefined));
        for (const [at, byte] of flips) bytes[at % bytes.length] = byte;
        try {
          const { sps } = parseAvcC(bytes);
          for (const side of [sps.width, sps.height]) expect(side >= 1 && side <= 16_384).toBe(true);
          expect(sps.reorderFrames >= 0 && sps.reorderFrames <= 16).toBe(true);
        } catch (error) {
          if (!(error instanceof H264Error)) throw error;
        }
      },
    ),
    { numRuns: 3000 },
  ));
