import { Registry } from "../prometheus.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestService } from "../testing/test-service.js";
import { showIteratorAge } from "./iterator-age-metrics.js";

let it: TestService;

beforeEach(async () => {
  it = await TestService.start();
});
afterEach(() => it.close());

test("how far the last readers of each stream were behind, and nothing of streams that nobody reads", async () => {
  const registry = new Registry();
  showIteratorAge(registry, it.context.service, () => it.clock.now());
  const ages = async (): Promise<string[]> =>
    (await registry.metrics()).split("\n").filter((line) => /^\w+\{/.test(line));
  await it.createStream("read");
  await it.createStream("unread");
  const put = (): Promise<unknown> =>
    it.call("PutRecord", { StreamName: "read", PartitionKey: "k", Data: Buffer.from("x").toString("base64") });
  const read = async (Limit: number): Promise<void> => {
    const shard = { StreamName: "read", ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" };
    const { ShardIterator } = await it.call("GetShardIterator", shard);
    await it.call("GetRecords", { ShardIterator, Limit });
  };
  expect(await ages()).toEqual([]);
  await put();
  it.clock.advance(4_000);
  await put();
  await read(1);
  await read(10);
  expect(await ages()).toEqual(['headwater_cloud_get_records_iterator_age_milliseconds{stream="read"} 4000']);
  it.clock.advance(60_000);
  await read(10);
  it.clock.advance(60_000);
  expect(await ages()).toEqual(['headwater_cloud_get_records_iterator_age_milliseconds{stream="read"} 0']);
  it.clock.advance(120_000);
  expect(await ages()).toEqual([]);
});
