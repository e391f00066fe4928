import { AggregateBuilder, hashPartitionKey } from "@headwater/protocol";
import { expect, test } from "vitest";
import { ClientError } from "../client-error.js";
import { failoverTimeMs, Loop, World } from "../testing/consumer-world.js";
import type { ConsumerOptions } from "./consumer-options.js";

test.each(["poll", "fan-out"] as const)(
  "by %s: each shard's records in order, parents before children, to its end",
  async (read) => {
    const world = new World(2);
    for (let i = 0; i < 250; i++) world.kinesis.put(`k${i % 7}`, `${i}`);
    const loop = new Loop(await world.open({ read }));
    await world.clock.until(() => loop.seen.length === 250);
    world.kinesis.split("shardId-000000000000");
    for (let i = 250; i < 300; i++) world.kinesis.put(`k${i % 7}`, `${i}`);
    world.kinesis.merge("shardId-000000000003", "shardId-000000000001");
    for (let i = 300; i < 350; i++) world.kinesis.put(`k${i % 7}`, `${i}`);
    await world.clock.until(() => loop.seen.length === 350);
    for (let k = 0; k < 7; k++) {
      const ofKey = loop.seen.filter(({ partitionKey }) => partitionKey === `k${k}`).map(({ data }) => Number(data));
      expect(ofKey).toEqual([...ofKey].sort((a, b) => a - b));
    }
    await world.clock.pass(5_000);
    expect(world.types().filter((type) => type.startsWith("shard-ended")).length).toBe(3);
    const finished = (await world.leases.list()).filter(({ checkpoint }) => checkpoint === "SHARD_END");
    expect(finished.map(({ leaseKey }) => Number(leaseKey.slice(-1))).sort((a, b) => a - b)).toEqual([0, 1, 3]);
  },
);

test("the next worker goes on behind what the first was done with", async () => {
  const world = new World(1);
  for (let i = 0; i < 10; i++) world.kinesis.put("k", `${i}`);
  const first = await world.open();
  let release: (() => void) | undefined;
  const loop = new Loop(first, ({ data }) =>
    Buffer.from(data).toString() === "4" ? new Promise((resolve) => (release = resolve)) : undefined,
  );
  await world.clock.until(() => release !== undefined);
  await world.close(first);
  const second = new Loop(await world.open());
  await world.clock.until(() => second.seen.length === 6);
  expect(second.data).toEqual(["4", "5", "6", "7", "8", "9"]);
  release?.();
  await world.clock.until(() => loop.isOver);
  expect(loop.data).toEqual(["0", "1", "2", "3", "4"]);
});

test("a stop ends the loop behind the record it is at, which is done", async () => {
  const world = new World(1);
  for (let i = 0; i < 5; i++) world.kinesis.put("k", `${i}`);
  const stop = new AbortController();
  const consumer = await world.open({ signal: stop.signal });
  const loop = new Loop(consumer, ({ data }) => void (Buffer.from(data).toString() === "2" && stop.abort()));
  await world.clock.until(() => loop.isOver);
  await world.close(consumer);
  const [lease] = await world.leases.list();
  expect(loop.data).toEqual(["0", "1", "2"]);
  expect(lease).toMatchObject({ checkpoint: loop.seen.at(-1)?.sequenceNumber, leaseOwner: null });
});

test("manual checkpoints: what none was made for is seen again, and a shard ends with its last record's", async () => {
  const world = new World(1);
  for (let i = 0; i < 5; i++) world.kinesis.put("k", `${i}`);
  world.kinesis.split("shardId-000000000000");
  const first = await world.open({ checkpoints: "manual" });
  const loop = new Loop(first);
  await world.clock.until(() => loop.seen.length === 5);
  await loop.seen[1]?.checkpoint();
  await world.clock.pass(5_000);
  await world.close(first);
  expect((await world.leases.list())[0]).toMatchObject({ checkpoint: loop.seen[1]?.sequenceNumber });
  const again = new Loop(await world.open({ checkpoints: "manual" }));
  await world.clock.until(() => again.seen.length === 3);
  expect(again.data).toEqual(["2", "3", "4"]);
  expect(world.types()).not.toContain("shard-ended 0");
  await again.seen[2]?.checkpoint();
  await world.clock.until(() => world.types().includes("shard-ended 0"));
});

test("who has lost a shard sees no more of it and can checkpoint nothing there", async () => {
  const world = new World(1);
  for (let i = 0; i < 250; i++) world.kinesis.put("k", `${i}`);
  const consumer = await world.open();
  const loop = new Loop(consumer, () => world.clock.sleep(100, new AbortController().signal));
  await world.clock.until(() => loop.seen.length === 3);
  const [lease] = await world.leases.list();
  await world.leases.update(lease?.leaseKey ?? "", {}, { leaseOwner: "another", leaseCounter: 1_000 });
  await world.clock.until(() => world.types().includes("shard-lost 0"));
  const seen = loop.seen.length;
  // The other one dies, and the shard comes back.
  await expect(loop.seen[0]?.checkpoint()).rejects.toMatchObject({ code: "lease-lost" });
  await world.clock.pass(failoverTimeMs - 1_000);
  expect(loop.seen.length).toBeLessThanOrEqual(seen + 1);
  await world.clock.until(() => loop.seen.length > 100);
  expect(loop.failure).toBeUndefined();
});

test("records of an aggregate are handed out one by one, checkpointed one by one, and strays left out", async () => {
  const world = new World(2);
  const [low, high] = world.kinesis.shards;
  const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
  const isLow = (key: string): boolean => hashPartitionKey(key) <= (low?.endingHashKey ?? 0n);
  const builder = new AggregateBuilder();
  for (const key of keys) builder.add({ partitionKey: key, data: Buffer.from(key) });
  world.kinesis.put("a", builder.finish(), low?.startingHashKey);
  world.kinesis.put("b", builder.finish(), high?.startingHashKey);
  const consumer = await world.open();
  const loop = new Loop(consumer, async (record) => {
    if (record.shardId === low?.shardId && record.subSequenceNumber >= 10) {
      await record.checkpoint();
      consumer.stop();
    }
  });
  await world.clock.until(() => loop.isOver);
  await world.close(consumer);
  const ofLow = loop.seen.filter(({ shardId }) => shardId === low?.shardId);
  const again = new Loop(await world.open());
  await world.clock.pass(2_000);
  const all = [...loop.seen, ...again.seen];
  expect(all.map(({ partitionKey }) => partitionKey).sort()).toEqual([...keys].sort());
  expect(all.every(({ shardId, partitionKey }) => isLow(partitionKey) === (shardId === low?.shardId))).toBe(true);
  expect(ofLow.length).toBeLessThan(keys.filter(isLow).length);
});

test("LATEST begins where the application began, also for the next worker after one that died", async () => {
  const world = new World(1);
  world.kinesis.put("k", "before");
  await world.clock.pass(1_000);
  const first = await world.open({ start: { type: "LATEST" } });
  await world.clock.pass(100);
  world.kinesis.put("k", "after");
  await world.close(first);
  await world.clock.pass(60_000);
  const loop = new Loop(await world.open({ start: { type: "LATEST" } }));
  await world.clock.until(() => loop.seen.length > 0);
  expect(loop.data).toEqual(["after"]);
});

test("AT_TIMESTAMP begins with the first record of then", async () => {
  const world = new World(1);
  world.kinesis.put("k", "1");
  await world.clock.pass(1_000);
  const timestampMs = world.clock.wallMs();
  world.kinesis.put("k", "2");
  const loop = new Loop(await world.open({ start: { type: "AT_TIMESTAMP", timestampMs } }));
  await world.clock.until(() => loop.seen.length > 0);
  expect(loop.data).toEqual(["2"]);
});

test("a shard is asked five times a second at most, once a second while nothing comes, and less often when throttled", async () => {
  const world = new World(1);
  const countCalls = async (ms: number): Promise<number> => {
    const before = world.kinesis.calls.length;
    await world.clock.pass(ms);
    return world.kinesis.calls.slice(before).filter(({ call }) => call === "getRecords").length;
  };
  for (let i = 0; i < 10_000; i++) world.kinesis.put("k", `${i}`);
  void new Loop(await world.open());
  const busy = await countCalls(10_000);
  expect(busy).toBeGreaterThanOrEqual(48);
  expect(busy).toBeLessThanOrEqual(51);
  await world.clock.pass(20_000);
  expect(await countCalls(10_000)).toBeLessThanOrEqual(11);
  world.kinesis.fault = (call) => {
    if (call === "getRecords") throw new ClientError("throttled", "slow down");
  };
  await world.clock.pass(10_000);
  expect(await countCalls(15_000)).toBeLessThanOrEqual(11);
});

test("a slow loop stops the reading: memory stays within its bound", async () => {
  const world = new World(4);
  const bufferBytesMax = 12 * 1024 * 1024;
  world.kinesis.pageRecordsMax = 8;
  for (let i = 0; i < 200; i++) world.kinesis.put(`k${i}`, new Uint8Array(1024 * 1024));
  const consumer = await world.open({ bufferBytesMax });
  const loop = new Loop(consumer, () => world.clock.sleep(200, new AbortController().signal));
  let most = 0;
  await world.clock.until(() => {
    const { shards, bufferedBytes } = consumer.status();
    // What the shards say that they have, not only what was taken for them.
    const held = shards.reduce((sum, shard) => sum + shard.bufferedBytes, 0);
    most = Math.max(most, bufferedBytes, held);
    return loop.seen.length === 200;
  });
  expect(most).toBeLessThanOrEqual(bufferBytesMax);
  expect(most).toBeGreaterThan(8 * 1024 * 1024);
  await world.clock.pass(2_000);
  expect(consumer.status().bufferedBytes).toBe(0);
});

test("fan-out: a subscription that is refused or ends early is followed by another from where it was", async () => {
  const world = new World(1);
  let calls = 0;
  world.kinesis.fault = (call) => {
    if (call === "getRecords" && ++calls % 3 === 0) throw new ClientError("unreachable", "cut");
    if (call === "shardIterator" && ++calls % 2 === 0) throw new ClientError("throttled", "ResourceInUseException");
  };
  for (let i = 0; i < 1_000; i++) world.kinesis.put("k", `${i}`);
  const loop = new Loop(await world.open({ read: "fan-out" }));
  await world.clock.until(() => loop.seen.length >= 1_000);
  expect(loop.data).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i}`));
  expect(world.types()).toContain("failure 0");
});

test("an iterator that expired is made anew where the reading was", async () => {
  const world = new World(1);
  world.kinesis.put("k", "1");
  const loop = new Loop(await world.open());
  await world.clock.until(() => loop.seen.length === 1);
  let isExpired = false;
  world.kinesis.fault = (call) => {
    if (call === "getRecords" && !isExpired) {
      isExpired = true;
      throw new ClientError("iterator-expired", "too old");
    }
  };
  world.kinesis.put("k", "2");
  await world.clock.until(() => loop.seen.length === 2);
  expect(loop.data).toEqual(["1", "2"]);
});

test("leases of shards that are gone go, read or not, and their children are read", async () => {
  const world = new World(2);
  world.kinesis.split("shardId-000000000000");
  world.kinesis.put("k", "1");
  const consumer = await world.open({ shardSyncMs: 5_000 });
  world.kinesis.forget("shardId-000000000000");
  const loop = new Loop(consumer);
  await world.clock.pass(30_000);
  expect((await world.leases.list()).map(({ leaseKey }) => Number(leaseKey.slice(-1)))).toEqual([1, 2, 3]);
  expect(consumer.status().shards).toHaveLength(3);
  expect(loop.data).toEqual(["1"]);
  expect(loop.failure).toBeUndefined();
});

test("what cannot pass ends the loop with its error", async () => {
  const world = new World(1);
  const consumer = await world.open();
  const loop = new Loop(consumer);
  world.kinesis.fault = () => {
    throw new ClientError("forbidden", "AccessDeniedException");
  };
  await world.clock.until(() => loop.isOver);
  expect(loop.failure).toMatchObject({ code: "forbidden" });
});

test("a service that is not there yet is waited for, up to a minute", async () => {
  const world = new World(1);
  world.kinesis.put("k", "1");
  const startedMs = world.clock.monotonicMs() + 20_000;
  world.kinesis.fault = () => {
    if (world.clock.monotonicMs() < startedMs) throw new ClientError("unreachable", "ECONNREFUSED");
  };
  const loop = new Loop(await world.open());
  await world.clock.until(() => loop.seen.length === 1);
  world.kinesis.fault = () => {
    throw new ClientError("unreachable", "ECONNREFUSED");
  };
  await expect(world.open()).rejects.toMatchObject({ code: "unreachable" });
});

test("several loops over batches: a shard's batches go to one at a time", async () => {
  const world = new World(3);
  for (let i = 0; i < 300; i++) world.kinesis.put(`k${i}`, `${i}`);
  const consumer = await world.open({ batchRecordsMax: 10 });
  const inWork = new Set<string>();
  let most = 0;
  let seen = 0;
  const loop = async (): Promise<void> => {
    for await (const { shardId, records } of consumer.batches()) {
      expect(inWork.has(shardId)).toBe(false);
      inWork.add(shardId);
      most = Math.max(most, inWork.size);
      await world.clock.sleep(20, new AbortController().signal);
      inWork.delete(shardId);
      seen += records.length;
    }
  };
  const loops = [loop(), loop(), loop()];
  await world.clock.until(() => seen === 300);
  consumer.stop();
  await world.clock.pass(100);
  await Promise.all(loops);
  expect(most).toBe(3);
});

test("break leaves the record it is at; the next loop begins with it", async () => {
  const world = new World(1);
  for (let i = 0; i < 4; i++) world.kinesis.put("k", `${i}`);
  const consumer = await world.open();
  const seen: string[] = [];
  const until = async (last: string): Promise<void> => {
    for await (const { data } of consumer) {
      seen.push(Buffer.from(data).toString());
      if (seen.at(-1) === last) break;
    }
  };
  let isOver = false;
  void until("1")
    .then(() => until("3"))
    .then(() => (isOver = true));
  await world.clock.until(() => isOver);
  expect(seen).toEqual(["0", "1", "1", "2", "3"]);
});

test.each<[string, Partial<ConsumerOptions>]>([
  ["failoverTimeMs", { failoverTimeMs: 10 }],
  ["bufferBytesMax", { bufferBytesMax: 1024 }],
  ["stream is missing", { stream: "" }],
  ["batchRecordsMax", { batchRecordsMax: Number.NaN }],
  ["shardSyncMs", { shardSyncMs: Number.POSITIVE_INFINITY }],
  ["start.type", { start: "LATEST" as never }],
  ["start.timestampMs", { start: { type: "AT_TIMESTAMP", timestampMs: new Date() as never } }],
  ['read is "fanout"', { read: "fanout" as never }],
  ['checkpoints is "auto"', { checkpoints: "auto" as never }],
])("options that cannot be: %s", async (said, options) => {
  await expect(new World(1).open(options)).rejects.toMatchObject({
    code: "invalid-options",
    message: expect.stringContaining(said) as string,
  });
});
