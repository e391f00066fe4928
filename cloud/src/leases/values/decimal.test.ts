import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addNumbers, compareNumbers, normalNumber, subtractNumbers } from "./decimal.js";

test.each([
  ["0", "0"],
  ["-0.000", "0"],
  ["007", "7"],
  ["+1.50", "1.5"],
  [".5", "0.5"],
  ["5.", "5"],
  ["1e3", "1000"],
  ["12.5E-4", "0.00125"],
  ["-120e-1", "-12"],
  ["1E125", `1${"0".repeat(125)}`],
  ["12345678901234567890123456789012345678", "12345678901234567890123456789012345678"],
])("%s is kept as %s", (given, kept) => expect(normalNumber(given)).toBe(kept));

test.each(["", ".", "-", "1e", "0x10", "1 ", "NaN", "Infinity", "1,5", "1e9999999", "1".repeat(500)])(
  "%j is no number",
  (given) => expect(() => normalNumber(given)).toThrow("cannot be converted to a numeric value"),
);

test("numbers that cannot be stored are refused, not rounded", () => {
  expect(() => normalNumber("123456789012345678901234567890123456789")).toThrow("38 significant digits");
  expect(() => normalNumber("1e126")).toThrow("overflow");
  expect(() => normalNumber("-1e-131")).toThrow("underflow");
  expect(() => addNumbers("1e50", "1")).toThrow("38 significant digits");
});

const at = (digits: bigint, exponent: number): string => normalNumber(`${digits}e${exponent}`);

describe("as with whole numbers", () => {
  const pair = fc.tuple(
    fc.bigInt(-(10n ** 37n), 10n ** 37n),
    fc.bigInt(-(10n ** 37n), 10n ** 37n),
    fc.integer({ min: -60, max: 60 }),
  );

  test("sums, differences and order at any exponent", () =>
    fc.assert(
      fc.property(pair, ([a, b, exponent]) => {
        const [x, y] = [at(a, exponent), at(b, exponent)];
        expect(addNumbers(x, y)).toBe(at(a + b, exponent));
        expect(subtractNumbers(x, y)).toBe(at(a - b, exponent));
        expect(Math.sign(compareNumbers(x, y))).toBe(a < b ? -1 : Number(a > b));
      }),
    ));
});
