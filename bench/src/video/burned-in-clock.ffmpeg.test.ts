import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { BLOCK_PIXELS, BLOCKS, CLOCK_ROW_Y, clockFilter, pictureAgeMs } from "./burned-in-clock.js";

const WIDTH = BLOCKS * BLOCK_PIXELS;

/** What the first picture shows, were it made at the time. */
function blocksAt(wallMs: number): number {
  const filter = clockFilter().replaceAll("time(0)", String(wallMs / 1000));
  const input = ["-v", "error", "-f", "lavfi", "-i", `color=size=${WIDTH}x${2 * BLOCK_PIXELS}`, "-vf", filter];
  const { stdout, stderr } = spawnSync("ffmpeg", [
    ...input,
    "-frames:v",
    "1",
    "-pix_fmt",
    "gray",
    "-f",
    "rawvideo",
    "-",
  ]);
  expect(stderr.toString()).toBe("");
  const pixel = (column: number): number => stdout[CLOCK_ROW_Y * WIDTH + column * BLOCK_PIXELS + BLOCK_PIXELS / 2]!;
  return Array.from({ length: BLOCKS }, (_, column) => (pixel(column) > 127 ? 1 : 0)).reduce<number>(
    (value, bit) => value * 2 + bit,
    0,
  );
}

const ROUND_MS = 2 ** 24 * 10;

test.each([
  ["even", 10_700 * ROUND_MS + 45_678_905],
  ["odd", 10_701 * ROUND_MS + 45_678_905],
])("a picture made in an %s round of the clock, looked at half a second later, is half a second old", (_, madeMs) => {
  expect(pictureAgeMs(blocksAt(madeMs), madeMs - 5 + 500)).toBeCloseTo(500);
});
