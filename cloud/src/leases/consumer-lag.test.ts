import { Registry } from "../prometheus.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestService } from "../testing/test-service.js";
import { consumerLag, type ConsumerLag } from "./consumer-lag.js";
import { showConsumerLag } from "./consumer-lag-metrics.js";
import { TestLeases } from "./testing/test-leases.js";

const SHARDS = ["shardId-000000000000", "shardId-000000000001"] as const;
let streams: TestService;
let leases: TestLeases;

beforeEach(async () => {
  streams = await TestService.start();
  leases = await TestLeases.start();
  await streams.createStream("orders", 2);
  await streams.createStream("clicks");
  await createTable("app");
});
afterEach(() => streams.close());

const createTable = (TableName: string): Promise<unknown> =>
  leases.call("CreateTable", {
    TableName,
    KeySchema: [{ AttributeName: "leaseKey", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "leaseKey", AttributeType: "S" }],
    BillingMode: "PAY_PER_REQUEST",
  });

const lease = (TableName: string, leaseKey: string, checkpoint: string, more: object = {}): Promise<unknown> =>
  leases.call("PutItem", { TableName, Item: { leaseKey: { S: leaseKey }, checkpoint: { S: checkpoint }, ...more } });

/** Puts into the first shard (hash key 0) or the second, a second after the one before. */
async function put(StreamName: string, shard: 0 | 1 = 0): Promise<string> {
  streams.clock.advance(1000);
  const ExplicitHashKey = shard === 0 ? "0" : String((1n << 128n) - 1n);
  const record = { StreamName, PartitionKey: "k", Data: "", ExplicitHashKey };
  return String((await streams.call("PutRecord", record))["SequenceNumber"]);
}

function lags(): Promise<ConsumerLag[]> {
  const { state } = leases.tables;
  if (state === undefined) throw new Error("the tables are being read");
  return consumerLag(state, streams.context.service, streams.clock.now());
}

test("from each checkpoint to its shard's end, and since the oldest record on the way", async () => {
  const first = await put("orders");
  await put("orders"); // 4 s old in the end
  const other = await put("orders", 1);
  await put("orders", 1);
  await put("orders");
  await lease("app", SHARDS[0], first);
  await lease("app", SHARDS[1], other);
  streams.clock.advance(1000);
  expect(await lags()).toEqual([{ application: "app", stream: "orders", records: 3, milliseconds: 4000 }]);
});

test("nothing where all is processed, or the shard is done with", async () => {
  await lease("app", SHARDS[0], await put("orders"));
  await put("orders", 1);
  await lease("app", SHARDS[1], "SHARD_END");
  expect(await lags()).toEqual([{ application: "app", stream: "orders", records: 0, milliseconds: 0 }]);
});

test("a lease that has no number yet is of the stream of the others", async () => {
  await put("orders", 1);
  await lease("app", SHARDS[1], "TRIM_HORIZON");
  expect(await lags()).toEqual([]); // whose shard this is, nobody can tell
  await lease("app", SHARDS[0], await put("orders"));
  expect(await lags()).toMatchObject([{ records: 1 }]);
});

test("our own consumers begin at a time that their leases name", async () => {
  await lease("app", SHARDS[1], await put("orders", 1));
  await put("orders");
  const startingTimestampMs = { N: String(streams.clock.now() + 1) };
  await put("orders");
  await lease("app", SHARDS[0], "AT_TIMESTAMP", { startingTimestampMs });
  expect(await lags()).toMatchObject([{ records: 1 }]);
  await lease("app", SHARDS[0], "AT_TIMESTAMP");
  expect(await lags()).toMatchObject([{ records: 0 }]);
});

test("shards that came of leased ones count though nobody has begun with them", async () => {
  await lease("app", SHARDS[0], await put("orders"));
  await lease("app", SHARDS[1], await put("orders", 1));
  const split = { StreamName: "orders", ShardToSplit: SHARDS[0], NewStartingHashKey: "1000" };
  await streams.call("SplitShard", split);
  await streams.call("SplitShard", { ...split, ShardToSplit: "shardId-000000000002", NewStartingHashKey: "500" });
  await put("orders");
  await put("orders");
  expect(await lags()).toMatchObject([{ stream: "orders", records: 2, milliseconds: 1000 }]);
});

test("an application of many streams names them", async () => {
  for (const stream of ["orders", "clicks"]) {
    await put(stream);
    const streamName = `000000000000:${stream}:1700000000`;
    await lease("app", `${streamName}:${SHARDS[0]}`, "TRIM_HORIZON", {
      streamName: { S: streamName },
      shardId: { S: SHARDS[0] },
    });
  }
  await lease("app", "other", "TRIM_HORIZON", { streamName: { S: "0:gone:1" }, shardId: { S: SHARDS[0] } });
  expect((await lags()).map(({ stream, records }) => [stream, records])).toEqual([
    ["clicks", 1],
    ["orders", 1],
  ]);
});

test("what else stands in the tables is not taken for leases", async () => {
  await createTable("app-WorkerMetricStats");
  await leases.call("PutItem", { TableName: "app", Item: { leaseKey: { S: "Leader" }, ownerName: { S: "w" } } });
  await lease("app", SHARDS[0], "no number");
  await lease("app", "Migration", "4900000009990000000000000000000700000");
  expect(await lags()).toEqual([]);
});

test("expired records count no more", async () => {
  const first = await put("orders");
  await put("orders");
  await lease("app", SHARDS[0], first);
  streams.clock.advance(25 * 3_600_000);
  await put("orders");
  await streams.context.service.trim();
  expect(await lags()).toMatchObject([{ records: 1, milliseconds: 0 }]);
});

test("shown as metrics; what is gone is not shown any more", async () => {
  const registry = new Registry();
  showConsumerLag(registry, lags);
  const first = await put("orders");
  await put("orders");
  await lease("app", SHARDS[0], first);
  const labels = 'application="app",stream="orders"';
  const shown = await registry.metrics();
  expect(shown).toContain(`headwater_cloud_consumer_lag_records{${labels}} 1`);
  expect(shown).toContain(`headwater_cloud_consumer_lag_milliseconds{${labels}} 0`);
  await leases.call("DeleteTable", { TableName: "app" });
  expect(await registry.metrics()).not.toContain(labels);
});

test("no more series are shown than a thousand, those furthest behind", async () => {
  const registry = new Registry();
  const many = Array.from({ length: 1500 }, (_, i) => ({
    application: `a${i}`,
    stream: "s",
    records: i,
    milliseconds: 1,
  }));
  showConsumerLag(registry, () => Promise.resolve(many));
  const shown = (await registry.metrics()).match(/^headwater_cloud_consumer_lag_records\{.*$/gm) ?? [];
  expect(shown).toHaveLength(1000);
  expect(shown[0]).toContain('application="a1499"');
});
