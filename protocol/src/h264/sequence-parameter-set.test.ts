import { expect, test } from "vitest";
import { parseSps } from "./sequence-parameter-set.js";
import { BitWriter } from "./testing/bit-writer.js";

const SPS = 0x67;

/** A High profile set of 1280 by 720 at level 3.1, as far as its picture order count. */
const beginning = (id = 0): BitWriter => new BitWriter().u(8, 100).u(8, 0).u(8, 31).ue(id, 1, 0, 0).u(2, 0).ue(0);
/** The rest, without VUI. */
const plainEnd = (set: BitWriter, referenceFrames = 4): BitWriter =>
  set.ue(referenceFrames).u(1, 0).ue(79, 44).u(1, 1).u(1, 1).u(1, 0);

/** A VUI's beginning, up to half of the timing. */
const vui = (set: BitWriter): BitWriter => set.u(1, 1).u(1, 1).u(8, 1).u(3, 0).u(1, 1).u(32, 1);

test("without a VUI nothing is known of time, and reordering is bounded by what frames can refer to", () => {
  const sps = parseSps(plainEnd(beginning().ue(0, 2)).u(1, 0).unit(SPS));
  expect(sps).toMatchObject({
    width: 1280,
    height: 720,
    frameRate: undefined,
    pixelAspect: undefined,
    reorderFrames: 3,
  });
});

test.each([
  ["type 1 with its cycle", 1, (set: BitWriter) => set.u(1, 0).se(-1, 2).ue(2).se(-70_000, 5), 3],
  ["type 2 reorders nothing", 2, (set: BitWriter) => set, 0],
])("picture order count of %s", (_name, type, write, reorderFrames) => {
  expect(
    parseSps(
      plainEnd(write(beginning().ue(type)))
        .u(1, 0)
        .unit(SPS),
    ),
  ).toMatchObject({ width: 1280, reorderFrames });
});

test("a VUI that is cut short counts as absent", () => {
  expect(parseSps(vui(plainEnd(beginning().ue(0, 2))).unit(SPS))).toMatchObject({
    frameRate: undefined,
    reorderFrames: 3,
  });
  const whole = vui(plainEnd(beginning().ue(0, 2)))
    .u(32, 100)
    .u(1, 1)
    .u(3, 0)
    .u(1, 1)
    .u(1, 1)
    .ue(0, 0, 9, 9, 1, 2);
  expect(parseSps(whole.unit(SPS))).toMatchObject({ frameRate: 50, reorderFrames: 1, pixelAspect: [1, 1] });
});

test("timing that no camera has counts as absent", () => {
  const set = plainEnd(beginning().ue(0, 2)).u(1, 1).u(4, 0).u(1, 1).u(32, 0).u(32, 100).u(1, 0).u(4, 0);
  expect(parseSps(set.unit(SPS)).frameRate).toBeUndefined();
});

test.each([
  ["an id over 31", plainEnd(beginning(32).ue(0, 2)).u(1, 0)],
  ["an unknown picture order count type", plainEnd(beginning().ue(3)).u(1, 0)],
  ["an endless cycle", beginning().ue(1).u(1, 0).se(0, 0).ue(4_000_000)],
  ["pictures of over 16,384 pixels", beginning().ue(0, 2, 4).u(1, 0).ue(1024, 44).u(3, 6).u(1, 0)],
  ["pictures cropped to nothing", beginning().ue(0, 2, 4).u(1, 0).ue(0, 0).u(3, 7).ue(4, 4, 0, 0).u(1, 0)],
  ["what ends in the middle", beginning().ue(0, 2, 4)],
])("refuses %s", (_name, set) => {
  expect(() => parseSps(set.unit(SPS))).toThrow(
    expect.objectContaining({ name: "H264Error", code: "InvalidCodecPrivateData" }),
  );
});
