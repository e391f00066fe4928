import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evenHashKeyRanges } from "@headwater/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { NewStream } from "./catalog.js";
import { catalogFormats } from "./catalog-formats.js";
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
    createdMs: 1_700_000_000_000,
    settings: {
      mode: "PROVISIONED",
      retentionHours: 24,
      tags: { team: "é" },
      maxRecordKib: 1024,
      shardLevelMetrics: [],
    },
    hashKeyRanges: evenHashKeyRanges(shards),
  };
}

test("what was stored is there after a restart", async () => {
  const added = await withCatalog(async (catalog) => {
    const stream = await catalog.addStream(newStream("s", 3));
    await catalog.setStatus(stream.id, "ACTIVE");
    await catalog.setShardCountUpdates(stream.id, [5, 7]);
    return stream;
  });
  const stored = { ...added, status: "ACTIVE", shardCountUpdatesMs: [5, 7] };
  expect(await withCatalog((catalog) => catalog.streams())).toEqual([stored]);
  expect(added.shards.map(({ number, startingHashKey }) => ({ number, startingHashKey }))).toEqual(
    evenHashKeyRanges(3).map(({ startingHashKey }, number) => ({ number, startingHashKey })),
  );
});

test("a stream of more shards than are read at once is whole, and so is what a reshard adds to it", async () => {
  await withCatalog(async (catalog) => {
    const stream = await catalog.addStream(newStream("s", 1001));
    expect(stream.shards.map(({ number }) => number)).toEqual([...Array(1001).keys()]);
    expect(await catalog.stream(stream.id)).toEqual(stream);
    expect(await catalog.streams()).toEqual([stream]);
    const shards = evenHashKeyRanges(501).map((range) => ({ ...range, parents: [1000] }));
    const added = await catalog.addShards(stream.id, shards);
    expect(added.map(({ number }) => number)).toEqual(shards.map((_, i) => 1001 + i));
    expect((await catalog.stream(stream.id))?.shards).toEqual([...stream.shards, ...added]);
    expect(await catalog.stream("another")).toBeUndefined();
  });
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

test("a reshard's shards are pending until it ends, and then closed and open at once", async () => {
  const [left, right] = evenHashKeyRanges(2);
  if (left === undefined || right === undefined) throw new RangeError("two ranges");
  const { id } = await withCatalog((catalog) => catalog.addStream(newStream("s", 1)));
  const added = await withCatalog((catalog) =>
    catalog.addShards(id, [
      { ...left, parents: [0] },
      { ...right, parents: [0] },
    ]),
  );
  expect(added).toMatchObject([
    { number: 1, epoch: 2, parents: [0], openedMs: undefined, closed: undefined },
    { number: 2, epoch: 3, parents: [0] },
  ]);
  const change = { closed: [{ number: 0, end: 7, closedMs: 8 }], opened: [1, 2], openedMs: 9 };
  const [stream] = await withCatalog(async (catalog) => {
    await catalog.reshard(id, change);
    return catalog.streams();
  });
  expect(stream?.shards).toMatchObject([{ closed: { end: 7, closedMs: 8 } }, { openedMs: 9 }, { openedMs: 9 }]);
  expect(stream?.nextShardNumber).toBe(3);
  const [trimmed] = await withCatalog(async (catalog) => {
    await catalog.removeShards(id, [0]);
    return catalog.streams();
  });
  expect(trimmed?.shards.map(({ number }) => number)).toEqual([1, 2]);
});

test("settings, consumers and the account's settings are there after a restart; a stream takes its consumers along", async () => {
  const { id, settings } = await withCatalog((catalog) => catalog.addStream(newStream("s")));
  const changed = { ...settings, retentionHours: 48, encryptionKeyId: "alias/a", policy: "{}" };
  const consumer = { id: "c", streamId: id, name: "reader", createdMs: 1, tags: { a: "b" } };
  await withCatalog(async (catalog) => {
    await catalog.setSettings(id, changed);
    await catalog.addConsumer(consumer);
    await catalog.setConsumer({ ...consumer, policy: "{}" });
    await catalog.setAccountSetting("a", "1");
    await catalog.setAccountSetting("a", "2");
  });
  await withCatalog(async (catalog) => {
    expect((await catalog.streams())[0]?.settings).toEqual(changed);
    expect(await catalog.consumers()).toEqual([{ ...consumer, policy: "{}" }]);
    expect(await catalog.accountSettings()).toEqual({ a: "2" });
    await catalog.removeStream(id);
    expect(await catalog.consumers()).toEqual([]);
  });
});

test("a catalog of the second format is brought to today's", async () => {
  const old = await Sqlite.openFormat(file, catalogFormats.slice(0, 2));
  await old.run("INSERT INTO streams VALUES ('i', 's', 'ACTIVE', 'ON_DEMAND', 5, 24, '{\"a\":\"b\"}')");
  await old.run(
    "INSERT INTO shards (stream_id, number, starting_hash_key, ending_hash_key, log_name) VALUES ('i', 0, '0', '9', 'l')",
  );
  await old.close();
  expect(await withCatalog((catalog) => catalog.streams())).toMatchObject([
    {
      settings: { mode: "ON_DEMAND", retentionHours: 24, tags: { a: "b" }, maxRecordKib: 1024, shardLevelMetrics: [] },
      shards: [{ number: 0, openedMs: 5, parents: [], closed: undefined }],
      nextShardNumber: 1,
      shardCountUpdatesMs: [],
    },
  ]);
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
