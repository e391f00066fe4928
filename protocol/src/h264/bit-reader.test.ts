import { expect, test } from "vitest";
import { BitReader } from "./bit-reader.js";

const reader = (bits: string): BitReader =>
  new BitReader(Buffer.from((bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2))));

test.each([
  ["1", 0, 0],
  ["010", 1, 1],
  ["011", 2, -1],
  ["00100", 3, 2],
  ["00111", 6, -3],
  [`${"0".repeat(31)}1${"1".repeat(31)}`, 2 ** 32 - 2, -(2 ** 31 - 1)],
])("Exp-Golomb %s", (bits, unsigned, signed) => {
  expect(reader(bits).unsigned()).toBe(unsigned);
  expect(reader(bits).signed()).toBe(signed);
  expect(reader(bits).isOverrun).toBe(false);
});

test.each([
  ["past the end", "00000001"],
  ["of more than 32 bits", `${"0".repeat(32)}1${"0".repeat(40)}`],
])("a code %s is 0, and so is all that follows", (_name, bits) => {
  const read = reader(bits);
  expect([read.unsigned(), read.bits(8), read.flag(), read.signed()]).toEqual([0, 0, false, 0]);
  expect(read.isOverrun).toBe(true);
});

test("skipping past the end is an overrun, skipping to it is none", () => {
  const read = reader("11111111");
  read.skip(8);
  expect(read.isOverrun).toBe(false);
  read.skip(1);
  expect(read.isOverrun).toBe(true);
});
