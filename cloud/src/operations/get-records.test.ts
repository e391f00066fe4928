import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RecordBatch } from "../streams/record-batch.js";
import { TestService, texts } from "../testing/test-service.js";

const MEBIBYTE = 1 << 20;
const HOUR_MS = 3_600_000;
let it: TestService;
const services: TestService[] = [];

async function start(options?: { limited: boolean }): Promise<TestService> {
  const service = await TestService.start(options);
  services.push(service);
  await service.createStream("s");
  return service;
}

beforeEach(async () => {
  it = await start();
});
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.close()));
});

async function fill(count: number, bytes: number): Promise<void> {
  const shard = it.context.service.find("s");
  const records = Array.from({ length: count }, () => ({ partitionKey: "k", data: Buffer.alloc(bytes) }));
  await it.context.service.putRecords(shard.name, RecordBatch.of(records));
}

const gone = (shard: number): string =>
  `Shard shardId-00000000000${shard} in stream again under account 000000000000 does not exist`;
const horizon = (): Promise<string> => it.iterator("s", { ShardIteratorType: "TRIM_HORIZON" });

describe("how much one call answers", () => {
  test("10,000 records", async () => {
    await fill(10_001, 1);
    const first = await it.call("GetRecords", { ShardIterator: await horizon() });
    expect(first["Records"]).toHaveLength(10_000);
    const second = await it.call("GetRecords", { ShardIterator: first["NextShardIterator"] });
    expect(second["Records"]).toHaveLength(1);
    expect(second["MillisBehindLatest"]).toBe(0);
  });

  test("10 MiB", async () => {
    await fill(11, MEBIBYTE - 1);
    const { Records, NextShardIterator } = await it.call("GetRecords", { ShardIterator: await horizon() });
    const bytes = (Records as { Data: Buffer }[]).reduce((sum, { Data }) => sum + Data.length, 0);
    expect(bytes).toBeGreaterThan(8 * MEBIBYTE);
    expect(bytes).toBeLessThanOrEqual(10 * MEBIBYTE);
    const rest = await it.call("GetRecords", { ShardIterator: NextShardIterator });
    expect((Records as unknown[]).length + (rest["Records"] as unknown[]).length).toBe(11);
  });

  test("as many as Limit says, and how far behind that leaves the reader", async () => {
    for (const text of ["a", "b", "c"]) {
      await it.put("s", text);
      it.clock.advance(1000);
    }
    const answer = await it.call("GetRecords", { ShardIterator: await horizon(), Limit: 2 });
    expect(texts(answer)).toEqual(["a", "b"]);
    expect(answer["MillisBehindLatest"]).toBe(2000);
    const rest = await it.call("GetRecords", { ShardIterator: answer["NextShardIterator"] });
    expect(texts(rest)).toEqual(["c"]);
  });

  test.each([0, 10_001, -1])("Limit %d is refused", async (Limit) => {
    await expect(it.call("GetRecords", { ShardIterator: await horizon(), Limit })).rejects.toMatchObject({
      code: "constraint-violated",
    });
  });
});

describe("iterators", () => {
  test("hold for five minutes, and then say so in AWS's words", async () => {
    const ShardIterator = await horizon();
    it.clock.advance(300_000);
    await it.call("GetRecords", { ShardIterator });
    it.clock.advance(1);
    await expect(it.call("GetRecords", { ShardIterator })).rejects.toMatchObject({
      code: "iterator-expired",
      message:
        "Iterator expired. The iterator was created at time Tue Nov 14 22:13:20 UTC 2023 while right now it is " +
        "Tue Nov 14 22:18:20 UTC 2023 which is further in the future than the tolerated delay of 300000 milliseconds.",
    });
  });

  test("nobody can make one", async () => {
    const genuine = await horizon();
    const flipped = Buffer.from(genuine, "base64");
    flipped[3] = (flipped[3] ?? 0) ^ 1;
    for (const ShardIterator of ["AAAA", flipped.toString("base64"), `${genuine}=`]) {
      await expect(it.call("GetRecords", { ShardIterator })).rejects.toMatchObject({ code: "argument-invalid" });
    }
  });

  test("a next token is no iterator", async () => {
    await it.createStream("t");
    const { NextToken } = await it.call("ListStreams", { Limit: 1 });
    await expect(it.call("GetRecords", { ShardIterator: NextToken })).rejects.toMatchObject({
      code: "argument-invalid",
    });
  });

  test("of the longest stream name still fit AWS's 512 characters", async () => {
    const name = "n".repeat(128);
    await it.createStream(name);
    const ShardIterator = await it.iterator(name, { ShardIteratorType: "LATEST" });
    expect(texts(await it.call("GetRecords", { ShardIterator }))).toEqual([]);
  });

  test("lead to the start of a new stream of the same name, as with AWS, where it has such a shard", async () => {
    await it.createStream("again", 2);
    await it.put("again", "old");
    const LATEST = { ShardIteratorType: "LATEST" };
    const [ofShard0, ofShard1] = [
      await it.iterator("again", LATEST),
      await it.iterator("again", { ShardId: "1", ...LATEST }),
    ];
    await it.call("DeleteStream", { StreamName: "again" });
    await expect.poll(() => it.context.service.lookUp("again")).toBeUndefined();
    await expect(it.call("GetRecords", { ShardIterator: ofShard0 })).rejects.toThrow(gone(0));
    await it.createStream("again", 1);
    await it.put("again", "new");
    const anew = await it.call("GetRecords", { ShardIterator: ofShard0 });
    expect(texts(anew)).toEqual(["new"]);
    expect(texts(await it.call("GetRecords", { ShardIterator: anew["NextShardIterator"] }))).toEqual([]);
    await expect(it.call("GetRecords", { ShardIterator: ofShard1 })).rejects.toThrow(gone(1));
  });

  test("may come with quotes around them, and are never the same twice", async () => {
    await it.put("s", "a");
    const [one, other] = [await horizon(), await horizon()];
    expect(texts(await it.call("GetRecords", { ShardIterator: `"${one}"` }))).toEqual(["a"]);
    expect(one).not.toBe(other);
  });
});

test("what is past its retention is not shown, even while its bytes are still there", async () => {
  await it.put("s", "old");
  it.clock.advance(24 * HOUR_MS);
  await it.put("s", "new");
  expect(texts(await it.call("GetRecords", { ShardIterator: await horizon() }))).toEqual(["old", "new"]);
  it.clock.advance(1);
  expect(texts(await it.call("GetRecords", { ShardIterator: await horizon() }))).toEqual(["new"]);
});

test("five calls a second for each shard", async () => {
  it = await start({ limited: true });
  const ShardIterator = await horizon();
  for (let i = 0; i < 5; i += 1) await it.call("GetRecords", { ShardIterator });
  await expect(it.call("GetRecords", { ShardIterator })).rejects.toMatchObject({ code: "throughput-exceeded" });
  it.clock.advance(200);
  await it.call("GetRecords", { ShardIterator });
});
