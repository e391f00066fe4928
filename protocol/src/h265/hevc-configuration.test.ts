import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BitWriter } from "../h264/testing/bit-writer.js";
import { hevcSliceUnitsOf } from "./frame.js";
import { H265Error } from "./h265-error.js";
import { parseHvcC } from "./hevc-configuration.js";
import { parseHevcSps } from "./sequence-parameter-set.js";

const hex = (spaced: string): Buffer => Buffer.from(spaced.replaceAll(" ", ""), "hex");

/** CodecPrivate as x265 (build 199) writes it, without its message on itself. */
const records = [
  {
    what: "Main, cropped, B-frames as a pyramid",
    record: hex(
      `01016000000090000000 00003cf000fcfdf8f800000f03 2000010018 40010c01ffff01600000030090000003000003003c95940921
       00010 02d 42010101600000030090000003000003003ca00a080f1c9596565924cafff07700585680800001f480003a9804
       220001 0007 4401c172b46240`.replaceAll("\n", ""),
    ),
    codec: "hvc1.1.6.L60.90",
    sps: { width: 314, height: 238, pixelAspect: [1904, 1413], frameRate: 30_000 / 1001, reorderFrames: 2 },
  },
  {
    what: "Main 10 with scaling lists",
    record: hex(
      `01022000000090000000 000078f000fcfdfafa00000f03 2000010018 40010c01ffff022000000300900000030000030078ba024021
       00010 02c 42010102200000030090000003000003 0078a003c0801107cad96e929385e02d010000030001000003001908
       220001 0006 4401c073c189`.replaceAll("\n", ""),
    ),
    codec: "hvc1.2.4.L120.90",
    sps: { width: 1920, height: 1080, pixelAspect: [1, 1], frameRate: 25, reorderFrames: 0 },
  },
];

describe.each(records)("$what", ({ record, codec, sps }) => {
  test("is read", () => {
    expect(parseHvcC(record)).toEqual({
      lengthBytes: 4,
      codec,
      sps: { ...sps, frameRate: expect.closeTo(sps.frameRate, 9) as number },
    });
  });
});

/** A set of two sub-layers, with every optional part before the VUI. */
const head = new BitWriter().u(4, 0).u(3, 1).u(1, 1);
const levels = head.u(32, 0x01600000).u(32, 0x90000000).u(32, 93).u(2, 3).u(14, 0).u(32, 0).u(32, 0).u(24, 0).u(8, 90);
const picture = levels.ue(0, 1, 640, 360).u(1, 0).ue(0, 0, 4);
const reordering = picture.u(1, 1).ue(1, 0, 0).ue(4, 2, 0); // of the two sub-layers the last one counts
const blocks = reordering.ue(0, 3, 0, 3, 0, 0).u(1, 0).u(2, 0).u(1, 1).u(8, 0x77).ue(0, 1).u(1, 0);
const threePictures = blocks.ue(3).ue(2, 1).ue(0).u(1, 1).ue(0).u(1, 1).ue(0).u(1, 1);
// From those three and the picture itself: used, kept, dropped, used.
const threeFromThose = threePictures.u(1, 1).u(1, 0).ue(0).u(1, 1).u(2, 1).u(2, 0).u(1, 1);
const threeFromThem = threeFromThose.u(1, 1).u(1, 1).ue(5).u(4, 15);
const longTerm = threeFromThem.u(1, 1).ue(1).u(8, 5).u(1, 1).u(2, 0);
const rich = longTerm.u(1, 1).u(4, 0).u(3, 0).u(1, 0).u(1, 1).u(32, 1).u(32, 20).u(1, 0);

test("the way to the timing leads past every optional part", () => {
  expect(parseHevcSps(rich.unit(0x42, 1))).toMatchObject({ width: 640, height: 360, reorderFrames: 2, frameRate: 20 });
});

test.each([
  ["nothing", Buffer.of(), "MissingCodecPrivateData"],
  ["start codes", hex("0000000140010c01ffff01600000030090000003000003003c"), "InvalidCodecPrivateData"],
  ["the first half", records[0]?.record.subarray(0, 70) ?? Buffer.of(), "InvalidCodecPrivateData"],
  ["no arrays", hex("0101600000009000000000003cf000fcfdf8f800000f00"), "InvalidCodecPrivateData"],
])("refuses %s", (_name, bytes, code) => {
  expect(() => parseHvcC(bytes)).toThrow(expect.objectContaining({ name: "H265Error", code }));
});

test("slices are kept; parameter sets and messages are not", () => {
  const frame = hex("00000003 4001ff 00000003 2601aa 00000003 0201bb 00000003 4e01cc");
  expect(hevcSliceUnitsOf(frame, 4).map((unit) => Buffer.from(unit).toString("hex"))).toEqual(["2601aa", "0201bb"]);
  expect(() => hevcSliceUnitsOf(hex("000000ff2601"), 4)).toThrow(
    expect.objectContaining({ name: "H265Error", code: "InvalidMediaFrame" }),
  );
});

test("any bytes are read or refused with a typed error", () =>
  fc.assert(
    fc.property(
      fc.constantFrom(...records.map(({ record }) => record)),
      fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 6 }),
      fc.nat(120),
      (given, flips, length) => {
        const bytes = Buffer.from(given.subarray(0, flips.length === 0 ? length : undefined));
        for (const [at, byte] of flips) bytes[at % bytes.length] = byte;
        try {
          const { sps } = parseHvcC(bytes);
          for (const side of [sps.width, sps.height]) expect(side >= 1 && side <= 16_384).toBe(true);
          expect(sps.reorderFrames >= 0 && sps.reorderFrames <= 16).toBe(true);
        } catch (error) {
          if (!(error instanceof H265Error)) throw error;
        }
      },
    ),
    { numRuns: 3000 },
  ));
