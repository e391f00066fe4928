import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Sqlite } from "../catalog/sqlite.js";
import { LeaseFile } from "./lease-file.js";
import type { Change } from "./lease-state.js";
import type { TableDefinition } from "./table.js";
import { toWire } from "./values/attribute-value.js";
import { readItem } from "./values/read-value.js";

async function newFile(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "headwater-leases-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return join(directory, "leases.sqlite");
}

const definition = (name: string): TableDefinition => ({
  name,
  id: "00000000-0000-4000-8000-000000000000",
  createdMs: 1,
  keys: { hash: "k" },
  types: { k: "S" },
  indexes: [],
  billingMode: "PAY_PER_REQUEST",
  throughput: { read: 0, write: 0 },
  isDeletionProtected: false,
  hasPointInTimeRecovery: false,
  tags: {},
});
const made = (name: string): Change => ({ kind: "table", name, definition: definition(name) });
const gone = (name: string): Change => ({ kind: "table", name, definition: undefined });
const put = (table: string, key: string, n: string): Change => ({
  kind: "item",
  table,
  key,
  item: readItem({ k: { S: key }, n: { N: n }, ["__proto__"]: { M: { deep: { L: [{ BOOL: true }] } } } }),
});
const taken = (table: string, key: string): Change => ({ kind: "item", table, key, item: undefined });

/** Tables and items as a new process finds them. */
async function found(file: string): Promise<unknown> {
  const reopened = await LeaseFile.open(file);
  const state = await reopened.load();
  await reopened.close();
  return Object.fromEntries(
    state.tables.map((table) => [
      table.definition.name,
      Object.fromEntries([...table.entries()].map(([key, item]) => [key, toWire(item)["n"]])),
    ]),
  );
}

test("the last of many changes stands, those of a batch in their order", async () => {
  const file = await newFile();
  const leases = await LeaseFile.open(file);
  await leases.write([made("one"), made("two"), put("one", "a", "1"), put("two", "a", "2")]);
  await leases.write([put("one", "b", "1"), put("one", "b", "2"), taken("one", "a"), gone("two")]);
  await leases.write([gone("one"), made("one"), put("one", "c", "3")]);
  await leases.write([made("three"), put("three", "x", "1"), gone("three")]);
  await leases.close();
  expect(await found(file)).toEqual({ one: { c: { N: "3" } } });
});

test("items come back as they were, whatever their attributes are called", async () => {
  const file = await newFile();
  const leases = await LeaseFile.open(file);
  await leases.write([made("one"), put("one", "a'\"\\ü", "1")]);
  const [table] = (await leases.load()).tables;
  await leases.close();
  const [[key, item] = ["", new Map()]] = [...(table?.entries() ?? [])];
  expect(key).toBe("a'\"\\ü");
  expect([...item.keys()]).toEqual(["k", "n", "__proto__"]);
});

test("a file of a newer format is refused", async () => {
  const file = await newFile();
  await (await LeaseFile.open(file)).close();
  const sqlite = await Sqlite.open(file);
  await sqlite.run("PRAGMA user_version = 2");
  await sqlite.close();
  await expect(LeaseFile.open(file)).rejects.toThrow("newer version of Headwater");
});
