import { expect, test } from "vitest";
import { RecentMost } from "./recent-most.js";

test("the most of this minute and the one before, then nothing", () => {
  const recent = new RecentMost();
  expect(recent.at(0)).toBeUndefined();
  recent.note(5, 1_000);
  recent.note(3, 59_000);
  expect(recent.at(59_999)).toBe(5);
  recent.note(1, 61_000);
  expect(recent.at(119_999)).toBe(5);
  expect(recent.at(120_000)).toBe(1);
  expect(recent.at(180_000)).toBeUndefined();
  recent.note(0, 600_000);
  expect(recent.at(600_000)).toBe(0);
  // The clock was set back.
  recent.note(7, 0);
  expect(recent.at(600_000)).toBe(7);
});
