import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestService } from "../testing/test-service.js";
import { SqliteUsage } from "./sqlite-usage.js";
import { HOUR_MS, hourOf, type StreamUsage } from "./usage.js";
import { UsageMeter } from "./usage-meter.js";

let it: TestService;
let directory: string;
let store: SqliteUsage;
let meter: UsageMeter;
let beganMs: number;

beforeEach(async () => {
  it = await TestService.start();
  directory = await mkdtemp(join(tmpdir(), "headwater-usage-"));
  store = await SqliteUsage.open(join(directory, "usage.sqlite"));
  meter = newMeter();
  // So that the minutes that pass in a test are of one hour.
  it.clock.advance(hourOf(it.clock.now()) + HOUR_MS - it.clock.now());
  beganMs = it.clock.now();
});
afterEach(async () => {
  await meter.stop();
  await store.close();
  await it.close();
  await rm(directory, { recursive: true });
});

function newMeter(): UsageMeter {
  return new UsageMeter({
    service: it.context.service,
    store,
    now: () => it.clock.now(),
    monotonicMs: () => it.clock.now(),
    report: (message, detail) => {
      throw new Error(message, { cause: detail });
    },
  });
}

async function used(hours = 1): Promise<StreamUsage[]> {
  return meter.total(beganMs, beganMs + hours * HOUR_MS);
}

const put = (bytes: number): Promise<unknown> =>
  it.call("PutRecord", { StreamName: "s", PartitionKey: "k", Data: Buffer.alloc(bytes - 1).toString("base64") });

test("each record counts as whole units, however it is put", async () => {
  await it.createStream("s");
  for (const bytes of [1, 25_600, 25_601, 1024, 1025]) await put(bytes);
  const Records = [10, 51_201].map((bytes) => ({
    PartitionKey: "k",
    Data: Buffer.alloc(bytes - 1).toString("base64"),
  }));
  await it.call("PutRecords", { StreamName: "s", Records });
  expect(await used()).toMatchObject([
    {
      streamName: "s",
      mode: "PROVISIONED",
      records: 7,
      bytesIn: 1 + 25_600 + 25_601 + 1024 + 1025 + 10 + 51_201,
      roundedBytesIn: (1 + 25 + 26 + 1 + 2 + 1 + 51) * 1024,
      payloadUnits: 1 + 1 + 2 + 1 + 1 + 1 + 3,
    },
  ]);
});

test("time counts for the shards that are open, for long retention and for consumers", async () => {
  await it.createStream("s", 2);
  it.clock.advance(60_000);
  await used();
  await it.call("RegisterStreamConsumer", {
    StreamARN: "arn:aws:kinesis:us-east-1:000000000000:stream/s",
    ConsumerName: "c",
  });
  await it.call("IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 48 });
  it.clock.advance(30_000);
  expect(await used()).toMatchObject([
    { streamMs: 90_000, shardMs: 180_000, extendedShardMs: 60_000, consumerShardMs: 60_000 },
  ]);
});

test("a stream is not charged for the time before it was there, nor any for a stop of the whole machine", async () => {
  it.clock.advance(50_000);
  await it.createStream("s");
  it.clock.advance(10_000);
  expect(await used()).toMatchObject([{ streamMs: 10_000 }]);
  it.clock.advance(30 * 60_000);
  expect(await used()).toMatchObject([{ streamMs: 10_000 + 5 * 60_000 }]);
});

test("what is read counts for its stream, by either way", async () => {
  await it.createStream("s");
  await put(101);
  const shard = { StreamName: "s", ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" };
  for (let i = 0; i < 2; i++) {
    const { ShardIterator } = await it.call("GetShardIterator", shard);
    await it.call("GetRecords", { ShardIterator });
  }
  expect(await used()).toMatchObject([{ bytesOut: 200, longTermBytesOut: 0, fanOutBytes: 0 }]);
});

test("what is read a week after it came counts apart, too, record by record", async () => {
  await it.createStream("s");
  await it.call("IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 200 });
  await put(101);
  it.clock.advance(60_000);
  await put(201);
  const shard = { StreamName: "s", ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" };
  const readAfter = async (ms: number): Promise<readonly number[]> => {
    it.clock.advance(ms);
    const { ShardIterator } = await it.call("GetShardIterator", shard);
    await it.call("GetRecords", { ShardIterator });
    const usage = await used(1_000);
    return usage.map(({ longTermBytesOut }) => longTermBytesOut);
  };
  expect(await readAfter(168 * HOUR_MS - 60_000)).toEqual([0]);
  expect(await readAfter(1)).toEqual([100]);
  expect(await readAfter(60_000)).toEqual([400]);
});

test("hours, modes and deleted streams are kept apart and kept", async () => {
  await it.createStream("s");
  await put(10);
  await used();
  it.clock.advance(HOUR_MS);
  await it.call("UpdateStreamMode", {
    StreamARN: "arn:aws:kinesis:us-east-1:000000000000:stream/s",
    StreamModeDetails: { StreamMode: "ON_DEMAND" },
  });
  await put(20);
  await used();
  await it.call("DeleteStream", { StreamName: "s" });
  expect(await used(1)).toMatchObject([{ mode: "PROVISIONED", bytesIn: 10 }]);
  expect(await used(2)).toMatchObject([
    { mode: "ON_DEMAND", bytesIn: 20 },
    { mode: "PROVISIONED", bytesIn: 10 },
  ]);
});

test("each byte counts for as many hours as it is kept after a day, and after a week", async () => {
  await it.createStream("s");
  await it.call("IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 200 });
  await put(36_000);
  await used();
  const aged = async (): Promise<readonly number[]> => {
    const [{ extendedByteHours, longTermByteHours } = { extendedByteHours: NaN, longTermByteHours: NaN }] =
      await used(1_000);
    return [extendedByteHours, longTermByteHours];
  };
  const counted: (readonly number[])[] = [];
  let nowHours = 0;
  for (const hours of [23, 24, 25, 168, 169, 200, 201]) {
    it.clock.advance((hours - nowHours) * HOUR_MS - (nowHours === 0 ? 0 : 60_000));
    nowHours = hours;
    const before = await aged();
    it.clock.advance(60_000);
    const after = await aged();
    counted.push(after.map((value, i) => value - (before[i] ?? NaN)));
  }
  // A sixtieth of an hour each time.
  expect(counted).toEqual([
    [0, 0],
    [0, 0],
    [600, 0],
    [600, 0],
    [0, 600],
    [0, 600],
    [0, 0],
  ]);
});

test("what a stream of the same name had kept is not the next one's", async () => {
  await it.createStream("s");
  await put(36_000);
  await used();
  await it.call("DeleteStream", { StreamName: "s" });
  it.clock.advance(30 * HOUR_MS);
  await it.createStream("s");
  await it.call("IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 100 });
  it.clock.advance(60_000);
  expect((await used(100)).map(({ extendedByteHours }) => extendedByteHours)).toEqual([0]);
});

test("a restart goes on where it ended", async () => {
  await it.createStream("s");
  await put(10);
  await meter.stop();
  await store.close();
  store = await SqliteUsage.open(join(directory, "usage.sqlite"));
  // The shards count on in this test; in another process they would begin anew.
  meter = newMeter();
  expect(await store.total(beganMs, beganMs + HOUR_MS)).toMatchObject([{ bytesIn: 10 }]);
});

test("what could not be stored is stored with the next, once", async () => {
  await it.createStream("s");
  await put(10);
  const add = store.add.bind(store);
  store.add = () => Promise.reject(new Error("disk full"));
  await expect(meter.store()).rejects.toThrow("disk full");
  store.add = add;
  await put(5);
  expect(await used()).toMatchObject([{ bytesIn: 15, records: 2 }]);
  expect(await used()).toMatchObject([{ bytesIn: 15, records: 2 }]);
});

test("what is older than 400 days goes", async () => {
  await it.createStream("s");
  await put(10);
  await used();
  it.clock.advance(401 * 24 * HOUR_MS);
  await used();
  expect(await used()).toEqual([]);
});
