import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evenHashKeyRanges } from "@headwater/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { NewStream } from "./catalog.js";
import { Sqlite } from "./sqlite.js";
import { SqliteCatalog } from "./sqlite-catalog.js";

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "headwater-catalog-"));
  file = join(directory, "catalog.sqlite");
});
afterEach(() => rm(directory, { recursive: true }));

async function withCatalog<T>(use: (catalog: SqliteCatalog) => Promise<T>): Promise<T> {
  const catalog = await SqliteCatalog.open(file);
  try {
    return await use(catalog);
  } finally {
    await catalog.close();
  }
}

function newStream(name: string, shards = 2, id = `id-of-${name}`): NewStream {
  return {
    id,
    name,
    status: "CREATING",
    mode: "PROVISIONED",
    createdMs: 1_700_000_000_000,
    retentionHours: 24,
    tags: { team: "é" },
    hashKeyRanges: evenHashKeyRanges(shards),
  };
}

test("what was stored is there after a restart", async () => {
  const added = await withCatalog(async (catalog) => {
    const stream = await catalog.addStream(newStream("s", 3));
    await catalog.setStatus(stream.id, "ACTIVE");
    return stream;
  });
  expect(await withCatalog((catalog) => catalog.streams())).toEqual([{ ...added, status: "ACTIVE" }]);
  expect(added.shards.map(({ number, startingHashKey }) => ({ number, startingHashKey }))).toEqual(
    evenHashKeyRanges(3).map(({ startingHashKey }, number) => ({ number, startingHashKey })),
  );
});

test("no epoch is ever given twice, not even that of a shard that is gone", async () => {
  const first = await withCatalog(async (catalog) => {
    const stream = await catalog.addStream(newStream("s"));
    await catalog.removeStream(stream.id);
    return stream;
  });
  const second = await withCatalog((catalog) => catalog.addStream(newStream("s", 2, "other")));
  expect(first.shards.map(({ epoch }) => epoch)).toEqual([1, 2]);
  expect(second.shards.map(({ epoch }) => epoch)).toEqual([3, 4]);
  expect(second.shards[0]?.logName).not.toBe(first.shards[0]?.logName);
});

test("a stream that cannot be added leaves no trace", async () => {
  await withCatalog(async (catalog) => {
    await catalog.addStream(newStream("s"));
    await expect(catalog.addStream(newStream("s", 2, "other"))).rejects.toThrow("UNIQUE");
    expect(await catalog.streams()).toHaveLength(1);
    await catalog.addStream(newStream("t"));
  });
});

test("the key of tokens is made once", async () => {
  const key = await withCatalog((catalog) => catalog.tokenKey());
  expect(key).toHaveLength(32);
  expect(await withCatalog((catalog) => catalog.tokenKey())).toEqual(key);
});

test("a file that a newer version wrote is refused, and left as it is", async () => {
  await withCatalog((catalog) => catalog.addStream(newStream("s")));
  const sqlite = await Sqlite.open(file);
  await sqlite.run("PRAGMA user_version = 99");
  await sqlite.close();
  await expect(SqliteCatalog.open(file)).rejects.toThrow(/has format 99, written by a newer version/);
  const again = await Sqlite.open(file);
  expect(await again.rows("SELECT name FROM streams")).toEqual([{ name: "s" }]);
  await again.close();
});
