import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Log, nodeDisk, openLog } from "@headwater/log";
import { ManualClock } from "@headwater/log/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestService, texts } from "../testing/test-service.js";

const HOUR_MS = 3_600_000;

// On the real log, which gives records their time.
const clock = new ManualClock();
let directory: string;
let log: Log;
let it: TestService;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "headwater-time-"));
  log = await openLog({ directory, disk: nodeDisk(), clock });
  it = await TestService.start({ on: { log, clock } });
  await it.createStream("s");
});
afterEach(async () => {
  await it.close();
  await log.close();
  await rm(directory, { recursive: true });
});

async function split(): Promise<void> {
  const NewStartingHashKey = String(1n << 127n);
  await it.call("SplitShard", { StreamName: "s", ShardToSplit: "0", NewStartingHashKey });
}

test("the clock goes back: sequence numbers rise and times never fall, into the children too", async () => {
  const numbers = [await it.put("s", "a")];
  const startMs = clock.now();
  clock.advance(-HOUR_MS);
  numbers.push(await it.put("s", "b"));
  clock.advance(HOUR_MS / 2);
  numbers.push(await it.put("s", "c"));
  await split();
  clock.advance(-HOUR_MS);
  numbers.push(await it.put("s", "d"), await it.put("s", "e"));
  expect(numbers).toEqual([...numbers].sort());
  expect(new Set(numbers).size).toBe(5);
  const ShardIterator = await it.iterator("s", { ShardIteratorType: "TRIM_HORIZON" });
  const { Records } = await it.call("GetRecords", { ShardIterator });
  const times = (Records as { ApproximateArrivalTimestamp: Date }[]).map((record) =>
    record.ApproximateArrivalTimestamp.getTime(),
  );
  expect(times).toEqual([startMs, startMs, startMs]);
});

test("a shard that was closed after the clock went back stays as long as its records", async () => {
  clock.advance(HOUR_MS);
  await it.put("s", "a");
  clock.advance(-HOUR_MS);
  await split();
  clock.advance(25 * HOUR_MS); // a day after the record came, and an hour more after the split
  expect((await it.call("ListShards", { StreamName: "s" }))["Shards"]).toHaveLength(3);
  const read = async (): Promise<string[]> => {
    const ShardIterator = await it.iterator("s", { ShardIteratorType: "TRIM_HORIZON" });
    return texts(await it.call("GetRecords", { ShardIterator }));
  };
  expect(await read()).toEqual(["a"]);
  clock.advance(1);
  await expect(read()).rejects.toMatchObject({ code: "shard-not-found" });
});

test("retention ends exactly between two records of one file, before anything is trimmed and after", async () => {
  for (const text of ["one", "two", "three"]) {
    await it.put("s", text);
    clock.advance(1);
  }
  const horizon = await it.iterator("s", { ShardIteratorType: "TRIM_HORIZON" });
  clock.advance(24 * HOUR_MS - 3); // the first is a day old, to the millisecond
  const from = (): Promise<string> => it.iterator("s", { ShardIteratorType: "TRIM_HORIZON" });
  const read = async (ShardIterator: string): Promise<string[]> =>
    texts(await it.call("GetRecords", { ShardIterator }));
  expect(await read(await from())).toEqual(["one", "two", "three"]);
  await expect(read(horizon)).rejects.toMatchObject({ code: "iterator-expired" });
  const place = await from();
  clock.advance(1);
  expect(await read(place)).toEqual(["two", "three"]);
  await it.context.service.trim();
  expect(await read(await from())).toEqual(["two", "three"]);
  clock.advance(1);
  expect(await read(place)).toEqual(["three"]);
  clock.advance(1);
  expect(await read(place)).toEqual([]);
});
