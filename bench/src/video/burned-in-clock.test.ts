import { expect, test } from "vitest";
import { BLOCKS, pictureAgeMs } from "./burned-in-clock.js";

/** What a picture of that time shows. */
function blocksAt(wallMs: number): number {
  const hundredths = Math.floor(wallMs / 10) % 2 ** 24;
  return (1 << (BLOCKS - 1)) | ((hundredths ^ (hundredths >> 1)) << 1);
}

const now = 1_795_188_690_050;
/** When the clock begins anew. */
const midnight = 2 ** 24 * 10 * 10_000;

test.each([
  [now, now, 0],
  [now - 700, now, 700],
  [midnight - 300, midnight + 200, 500],
  [now + 20, now, -20],
])("a picture of %i, looked at at %i, is %i ms old", (madeMs, wallMs, ageMs) => {
  expect(pictureAgeMs(blocksAt(madeMs), wallMs)).toBeCloseTo(ageMs);
});

test("what has no frame around it is no clock", () => {
  expect(pictureAgeMs(blocksAt(now) | 1, now)).toBeUndefined();
  expect(pictureAgeMs(blocksAt(now) & ~(1 << (BLOCKS - 1)), now)).toBeUndefined();
});
