import { expect, test } from "vitest";
import { quantile, spreadOf } from "./median.js";

test("the median is in the middle of the sorted values, by number", () => {
  expect(spreadOf([10, 9, 100])).toEqual({ median: 10, min: 9, max: 100 });
  expect(spreadOf([3])).toEqual({ median: 3, min: 3, max: 3 });
  expect(() => spreadOf([])).toThrow("no runs");
});

test("quantiles", () => {
  const values = Array.from({ length: 100 }, (_, i) => i);
  expect([quantile(values, 0), quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1)]).toEqual([
    0, 50, 99, 99,
  ]);
  expect(quantile([], 0.5)).toBe(0);
});
