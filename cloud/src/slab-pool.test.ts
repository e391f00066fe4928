import { expect, test } from "vitest";
import { RequestMemory, SlabPool } from "./slab-pool.js";

const MEBIBYTE = 1 << 20;

test("what one request gave back, the next one gets", () => {
  const pool = new SlabPool(4 * MEBIBYTE);
  const first = new RequestMemory(pool);
  const slabs = new Set([first.take(700_000), first.take(600_000)]);
  expect(slabs.size).toBe(2);
  first.release();
  const second = new RequestMemory(pool);
  const again = [second.take(MEBIBYTE), second.take(MEBIBYTE), second.take(MEBIBYTE)];
  expect(again.map((slab) => slabs.has(slab))).toEqual([true, true, false]);
});

test("a slab is as large as it has to be, and no smaller one stands in for it", () => {
  const pool = new SlabPool(4 * MEBIBYTE);
  pool.giveBack(pool.take(100_000));
  for (const bytes of [1, 70_000, 131_072, 131_073, MEBIBYTE, 16 * MEBIBYTE]) {
    expect(pool.take(bytes).length).toBeGreaterThanOrEqual(bytes);
  }
});

test("no more than its bound is kept", () => {
  const pool = new SlabPool(2 * MEBIBYTE);
  const slabs = [MEBIBYTE, MEBIBYTE, MEBIBYTE, 8 * MEBIBYTE].map((bytes) => pool.take(bytes));
  for (const slab of slabs) pool.giveBack(slab);
  const again = [MEBIBYTE, MEBIBYTE, MEBIBYTE, 8 * MEBIBYTE].map((bytes) => pool.take(bytes));
  expect(again.filter((slab) => slabs.includes(slab))).toHaveLength(2);
});
