import { expect, test } from "vitest";
import { parseProcessorTimes, processorPercent } from "./processor-usage.js";

test.each([
  ["cpu  100 10 50 800 40 0 0 0 0 0\ncpu0 1 2 3 4\n", { busy: 160, total: 1000 }],
  // Guest time (the ninth) is part of user time and counts once; steal (the eighth) is time not idle.
  ["cpu  100 0 0 100 0 0 0 50 90 0\n", { busy: 150, total: 250 }],
  ["cpu  1 2 3 4\n", { busy: 6, total: 10 }],
  ["intr 5\n", undefined],
  ["", undefined],
])("reads %j", (stat, expected) => {
  expect(parseProcessorTimes(stat)).toEqual(expected);
});

test.each([
  [{ busy: 0, total: 0 }, { busy: 25, total: 100 }, 25],
  [{ busy: 10, total: 100 }, { busy: 10, total: 100 }, undefined],
  [{ busy: 10, total: 100 }, { busy: 5, total: 200 }, 0],
  [{ busy: 10, total: 100 }, { busy: 120, total: 200 }, 100],
])("from %j to %j is %j %%", (before, after, percent) => {
  expect(processorPercent(before, after)).toBe(percent);
});
