import * as fc from "fast-check";
import { expect, test } from "vitest";
import { annexBFromFrame, frameFromAnnexB, nalUnitsOf, sliceUnitsOf } from "./frame.js";
import { H264Error } from "./h264-error.js";
import {
  hasWholeNalUnits,
  joinByLength,
  splitByLength,
  splitByStartCode,
  withoutEmulationPrevention,
} from "./nal-units.js";

/** NAL units as encoders make them: no start code within, no zero at the end. */
const units = fc.array(
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes.map((byte) => byte || 1))),
  { minLength: 1, maxLength: 8 },
);

test("NAL units go from lengths to start codes and back unchanged", () =>
  fc.assert(
    fc.property(units, (given) => {
      const frame = joinByLength(given);
      expect(nalUnitsOf(frame, 4)).toEqual(given);
      expect(frameFromAnnexB(annexBFromFrame(frame, 4))).toEqual(frame);
    }),
  ));

test("start codes of three and four bytes, with zeros around", () => {
  const stream = Buffer.from("000000000167010200000168030000000001650003020000", "hex");
  const found = splitByStartCode(stream)?.map((unit) => Buffer.from(unit).toString("hex"));
  expect(found).toEqual(["670102", "6803", "65000302"]);
});

test.each([
  ["nothing", ""],
  ["no start code", "6588"],
  ["bytes before the first start code", "ff00000165"],
  ["an empty NAL unit", "00000100000165"],
  ["a start code at the end", "00000165000001"],
])("refuses an access unit of %s", (_name, hex) => {
  expect(() => frameFromAnnexB(Buffer.from(hex, "hex"))).toThrow(
    expect.objectContaining({ name: "H264Error", code: "InvalidMediaFrame" }),
  );
});

test.each([
  [1, "0265880141"],
  [2, "00026588000141"],
  [4, "000000026588 0000000141"],
] as const)("lengths of %i bytes", (lengthBytes, spaced) => {
  const found = nalUnitsOf(Buffer.from(spaced.replaceAll(" ", ""), "hex"), lengthBytes);
  expect(found.map((unit) => Buffer.from(unit).toString("hex"))).toEqual(["6588", "41"]);
});

test("slices are kept; delimiters, parameter sets and messages are not", () => {
  const kinds = ["09f0", "6742", "68ce", "0605", "65aa", "41bb", "01cc", "0c00ff"].map((unit) =>
    Buffer.from(unit, "hex"),
  );
  expect(sliceUnitsOf(joinByLength(kinds), 4)).toEqual(kinds.slice(4, 7));
});

test("any bytes are split or refused, and both ways of looking agree", () =>
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom(1 as const, 2 as const, 4 as const),
      (bytes, size) => {
        const split = splitByLength(bytes, size);
        expect(hasWholeNalUnits(bytes, size)).toBe(split !== undefined && split.length > 0);
        try {
          expect(frameFromAnnexB(bytes).length).toBeGreaterThan(4);
        } catch (error) {
          if (!(error instanceof H264Error)) throw error;
        }
      },
    ),
    { numRuns: 1000 },
  ));

test("emulation prevention is taken out", () => {
  expect(read("000003000003")).toBe("00000000");
  expect(read("0000030000030003")).toBe("000000000003");
  expect(read("00000103000003ff")).toBe("000001030000ff");
});

function read(hex: string): string {
  return Buffer.from(withoutEmulationPrevention(Buffer.from(hex, "hex"))).toString("hex");
}
