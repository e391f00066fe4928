import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isFull, Sqlite } from "./sqlite.js";

test("a statement that finds no room says so to whoever could make some, and fails; with room it succeeds", async () => {
  const directory = await mkdtemp(join(tmpdir(), "headwater-sqlite-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  let told = 0;
  const sqlite = await Sqlite.open(join(directory, "file.sqlite"), () => told++);
  await sqlite.run("CREATE TABLE texts (text TEXT NOT NULL) STRICT");
  const insert = () => sqlite.run("INSERT INTO texts VALUES (?)", "t".repeat(100_000));

  await sqlite.run("PRAGMA max_page_count = 4");
  const error = await insert().catch((caught: unknown) => caught);
  expect(isFull(error)).toBe(true);
  expect(told).toBe(1);
  await expect(sqlite.run("INSERT INTO nowhere VALUES (1)")).rejects.not.toSatisfy(isFull);
  expect(told).toBe(1);
  await sqlite.run("PRAGMA max_page_count = 1000");
  await insert();
  expect(told).toBe(1);
  await sqlite.close();
});
