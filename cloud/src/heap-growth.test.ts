import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { HEAP_GROWING_FLAG } from "./heap-growth.js";

test("V8 knows the flag that lets the heap grow: it ignores one that it does not know", () => {
  const [name] = HEAP_GROWING_FLAG.split("=");
  const { stdout } = spawnSync(process.execPath, ["--v8-options"], { encoding: "utf8" });
  expect(stdout).toContain(`${name} `);
});
