import { expect, test } from "vitest";
import { buildAvcC, parseAvcC } from "./avc-configuration.js";
import { changedAvcC } from "./in-band-parameter-sets.js";
import { joinByLength } from "./nal-units.js";
import { BitWriter } from "./testing/bit-writer.js";

const sps = (id: number, widthInMbs: number): Buffer =>
  new BitWriter()
    .u(8, 66)
    .u(8, 0xc0)
    .u(8, 31)
    .ue(id, 0, 2, 1)
    .u(1, 0)
    .ue(widthInMbs - 1, 44)
    .u(1, 1)
    .u(3, 0)
    .unit(0x67);
const pps = (id: number, qp = 0): Buffer => new BitWriter().ue(id, 0).u(2, 0).ue(0, 0, 0).u(3, 0).se(qp).unit(0x68);
const slice = Buffer.from("6588", "hex");
const delimiter = Buffer.from("09f0", "hex");

const known = parseAvcC(buildAvcC([sps(0, 80)], [pps(0), pps(1)]));
const changed = (...units: readonly Buffer[]): Buffer | undefined => changedAvcC(known, joinByLength(units));

test("a frame without parameter sets, or with the known ones, changes nothing", () => {
  expect(changed(slice)).toBeUndefined();
  expect(changed(delimiter, sps(0, 80), pps(0), slice)).toBeUndefined();
  expect(changed(sps(0, 40), sps(0, 80), slice)).toBeUndefined();
});

test("a set of a known id replaces that one", () => {
  expect(changed(delimiter, sps(0, 40), pps(0), slice)).toEqual(buildAvcC([sps(0, 40)], [pps(0), pps(1)]));
  expect(changed(pps(1, 3), slice)).toEqual(buildAvcC([sps(0, 80)], [pps(1, 3), pps(0)]));
});

test("a set of a new id comes first, for its frame uses it", () => {
  const record = changed(sps(1, 40), pps(0), slice) ?? Buffer.of();
  expect(record).toEqual(buildAvcC([sps(1, 40), sps(0, 80)], [pps(0), pps(1)]));
  expect(parseAvcC(record).sps.width).toBe(640);
});

test.each([
  ["a set that cannot be read", [Buffer.of(0x67, 66), slice]],
  ["a picture parameter set that cannot be read", [Buffer.of(0x68), slice]],
])("refuses %s", (_name, units) => {
  expect(() => changed(...units)).toThrow(expect.objectContaining({ name: "H264Error", code: "InvalidMediaFrame" }));
});

test("refuses a frame that is not whole", () => {
  expect(() => changedAvcC(known, Buffer.from("000000ff67", "hex"))).toThrow(
    expect.objectContaining({ name: "H264Error", code: "InvalidMediaFrame" }),
  );
});
