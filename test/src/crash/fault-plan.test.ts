import { expect, test } from "vitest";
import { Random } from "../harness/random.js";
import { planFaults } from "./fault-plan.js";

test("a plan has as many kills as asked for, hits every part, cuts the link, and its seed repeats it", () => {
  for (let seed = 0; seed < 200; seed++) {
    const plan = planFaults(new Random(seed), 8);
    const killed = plan.flatMap(({ kill }) => kill);
    expect(killed).toHaveLength(8);
    expect(new Set(killed)).toEqual(new Set(["sdk-1", "sdk-2", "agent", "gateway", "cloud"]));
    expect(plan.some(({ link }) => link === "cut")).toBe(true);
    expect(planFaults(new Random(seed), 8)).toEqual(plan);
  }
  expect(planFaults(new Random(1), 100).flatMap(({ kill }) => kill)).toHaveLength(100);
});
