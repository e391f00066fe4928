import {
  type KinesisClient,
  ListShardsCommand,
  PutRecordCommand,
  type Shard,
  SplitShardCommand,
  UpdateShardCountCommand,
} from "@aws-sdk/client-kinesis";
import { afterAll, expect, test } from "vitest";
import { createStream, kinesisClient, readAll } from "../harness/kinesis.js";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";

const scope = new Scope();
afterAll(() => scope.close());

const StreamName = "s";
const KEYS = ["a", "b", "c", "d"];
const KILLS = 8;

/** Writes rising numbers to a key, each until it is acknowledged. What was not answered may be there twice, never out of order. */
async function write(client: KinesisClient, PartitionKey: string, over: AbortSignal): Promise<number> {
  let acknowledged = 0;
  while (!over.aborted) {
    const put = new PutRecordCommand({ StreamName, PartitionKey, Data: Buffer.from(String(acknowledged)) });
    await client.send(put).then(
      () => (acknowledged += 1),
      () => undefined, // killed
    );
  }
  return acknowledged;
}

/** Splits the first open shard, or brings the count back, until the cloud is killed. */
async function reshard(client: KinesisClient): Promise<void> {
  for (;;) {
    const open = await openShards(client);
    const [{ ShardId, HashKeyRange }] = open as [Shard];
    const [start, end] = [HashKeyRange?.StartingHashKey, HashKeyRange?.EndingHashKey].map((key) => BigInt(key ?? 0));
    const NewStartingHashKey = String(((start ?? 0n) + (end ?? 0n)) / 2n);
    await client.send(new SplitShardCommand({ StreamName, ShardToSplit: ShardId, NewStartingHashKey }));
    await client.send(
      new UpdateShardCountCommand({ StreamName, TargetShardCount: open.length, ScalingType: "UNIFORM_SCALING" }),
    );
  }
}

async function openShards(client: KinesisClient): Promise<Shard[]> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName, ShardFilter: { Type: "AT_LATEST" } }));
  return Shards;
}

/** The key space, without holes and twice held keys. */
function expectWhole(shards: readonly Shard[]): void {
  const ranges = shards
    .map(({ HashKeyRange: range }) => [BigInt(range?.StartingHashKey ?? -1), BigInt(range?.EndingHashKey ?? -1) + 1n])
    .sort(([a = 0n], [b = 0n]) => (a < b ? -1 : 1));
  expect(ranges.map(([start]) => start)).toEqual([0n, ...ranges.slice(0, -1).map(([, next]) => next)]);
  expect(ranges.at(-1)?.[1]).toBe(1n << 128n);
}

async function kill(cloud: Part): Promise<void> {
  await cloud.kill("SIGKILL");
  await cloud.restart();
}

test("killed while it splits and merges under writers, the cloud has whole shards, and each key's records in order", async () => {
  const cloud = await startCloud(scope, { flags: { "no-shard-limits": true } });
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, StreamName, 2);
  const over = new AbortController();
  const writing = KEYS.map((key) => write(client, key, over.signal));
  for (let i = 0; i < KILLS; i += 1) {
    const before = await openShards(client);
    const resharding = Promise.allSettled([reshard(client)]);
    await expect
      .poll(async () => (await openShards(client))[0]?.ShardId, { timeout: 20_000 })
      .not.toBe(before[0]?.ShardId);
    await kill(cloud);
    await resharding;
    expectWhole(await openShards(client));
  }
  over.abort();
  const acknowledged = await Promise.all(writing);
  const read = await readAll(client, StreamName);
  for (const [i, key] of KEYS.entries()) {
    const values = read
      .filter(({ partitionKey }) => partitionKey === key)
      .map(({ data }) => Number(Buffer.from(data).toString()));
    const firsts = values.filter((value, n) => values.indexOf(value) === n);
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(firsts.slice(0, acknowledged[i])).toEqual(Array.from({ length: acknowledged[i] ?? 0 }, (_, n) => n));
    expect(acknowledged[i]).toBeGreaterThan(0);
  }
});
