import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { TEST_PATTERN_WIDTH_MIN, testPatternFilter } from "./test-pattern.js";

const WIDTH = TEST_PATTERN_WIDTH_MIN;
const HEIGHT = 240;

/** The lower row's 24 bits in the first picture, were it made at the time. */
function clockBits(wallSeconds: number): number {
  const filter = testPatternFilter().replaceAll("time(0)", String(wallSeconds));
  const input = ["-v", "error", "-f", "lavfi", "-i", `color=size=${WIDTH}x${HEIGHT}`];
  const output = "-frames:v 1 -pix_fmt gray -f rawvideo -".split(" ");
  const { stdout, stderr } = spawnSync("ffmpeg", [...input, "-vf", filter, ...output]);
  expect(stderr.toString()).toBe("");
  const row = Array.from({ length: 26 }, (_, column) => (stdout[24 * WIDTH + column * 16 + 8]! > 127 ? 1 : 0));
  expect([row[0], row[25]]).toEqual([1, 0]);
  return row.slice(1, 25).reduce<number>((value, bit) => value * 2 + bit, 0);
}

const ROUND = 2 ** 24;
const EVEN = 10_700 * ROUND;

test.each([
  ["the first of an even round", EVEN, 0],
  ["amid an even round", EVEN + 5_000_001, 5_000_001],
  ["the last of an even round", EVEN + ROUND - 1, ROUND - 1],
  ["the first of an odd round", EVEN + ROUND, 0],
  ["amid an odd round", EVEN + ROUND + 12_345_678, 12_345_678],
  ["the last of an odd round", EVEN + 2 * ROUND - 1, ROUND - 1],
])("the clock at %s is the Gray code of its hundredths, modulo 2^24", (_, hundredths, shown) => {
  expect(clockBits(hundredths / 100 + 0.005)).toBe(shown ^ (shown >> 1));
});
