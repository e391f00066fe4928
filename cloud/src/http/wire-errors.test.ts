import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CloudError } from "../cloud-error.js";
import { toCloudError, wireError, wireErrors } from "./wire-errors.js";

const page = join(import.meta.dirname, "../../../docs/reference/data-streams.md");

test("docs/reference/data-streams.md tells every type with its status, and no other", async () => {
  const errors = (await readFile(page, "utf8")).split("\n## Errors\n")[1]?.split("\n## ")[0] ?? "";
  const told = [...errors.matchAll(/^\| (\w+) +\| (\d{3}) /gm)].map(([, type, status]) => `${type} ${status}`);
  const given = new Set(Object.values(wireErrors).map(({ type, status }) => `${type} ${status}`));
  expect(told.toSorted()).toEqual([...given].toSorted());
});

test("what failed inside is not told to clients", () => {
  expect(wireError(new CloudError("disk-failed", "EIO on /data/log/j-1")).message).toBe("Internal service failure.");
  const bug = toCloudError(new TypeError("x is not a function"));
  expect([wireError(bug).status, wireError(bug).message]).toEqual([500, "Internal service failure."]);
  expect(bug.cause).toBeInstanceOf(TypeError);
});
