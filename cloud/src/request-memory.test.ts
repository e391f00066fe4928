import { SlabPool } from "@headwater/log";
import { expect, test } from "vitest";
import { RequestMemory } from "./request-memory.js";

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
