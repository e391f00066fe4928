import { expect, test } from "vitest";
import { SlabPool } from "./slab-pool.js";

const mebibyte = 1 << 20;

test("a slab is as large as it has to be, and no smaller one stands in for it", () => {
  const pool = new SlabPool(4 * mebibyte);
  pool.giveBack(pool.take(100_000));
  for (const bytes of [1, 70_000, 131_072, 131_073, mebibyte, 16 * mebibyte]) {
    expect(pool.take(bytes).length).toBeGreaterThanOrEqual(bytes);
  }
});

test("no more than its bound is kept", () => {
  const pool = new SlabPool(2 * mebibyte);
  const slabs = [mebibyte, mebibyte, mebibyte, 8 * mebibyte].map((bytes) => pool.take(bytes));
  for (const slab of slabs) pool.giveBack(slab);
  const again = [mebibyte, mebibyte, mebibyte, 8 * mebibyte].map((bytes) => pool.take(bytes));
  expect(again.filter((slab) => slabs.includes(slab))).toHaveLength(2);
});

test("what is no slab, or was given back before, is not given out", () => {
  const pool = new SlabPool(8 * mebibyte);
  const other = Buffer.alloc(mebibyte);
  const slab = pool.take(mebibyte);
  for (const given of [other, slab, slab, slab.subarray(0, 100)]) pool.giveBack(given);
  const again = [pool.take(mebibyte), pool.take(mebibyte)];
  expect(again.map((one) => one === slab)).toEqual([true, false]);
  expect(again.includes(other)).toBe(false);
});
