import { expect, test } from "vitest";
import { range } from "./testing/records.js";
import { unhurried } from "./unhurried.js";

test("everybody else has a turn between some of many items, which come in their order", async () => {
  const seen: (number | "other")[] = [];
  let goesOn = true;
  const other = (): void => {
    seen.push("other");
    if (goesOn) setImmediate(other);
  };
  setImmediate(other);
  for await (const item of unhurried(range(0, 1000))) seen.push(item);
  goesOn = false;
  expect(seen.filter((one) => one !== "other")).toEqual(range(0, 1000));
  expect(seen.filter((one) => one === "other").length).toBeGreaterThanOrEqual(2);
});
