import { expect, test } from "vitest";
import { Backoff } from "./backoff.js";

test("doubles from half a second up to 30 s, and starts over after success", () => {
  const backoff = new Backoff(() => 0.999_999_9);
  const waits = Array.from({ length: 9 }, () => Math.round(backoff.nextMs()));
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  backoff.reset();
  expect(Math.round(backoff.nextMs())).toBe(500);
});

test("is drawn from the upper half", () => {
  const backoff = new Backoff(() => 0);
  expect([backoff.nextMs(), backoff.nextMs()]).toEqual([250, 500]);
});
