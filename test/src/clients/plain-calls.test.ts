import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clientEnvironment, credentials, region } from "../harness/credentials.js";
import { createStream, kinesisClient } from "../harness/kinesis.js";
import { sumOf } from "../harness/metrics.js";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";

// What real clients send over HTTP/1.1 takes the short way (docs/design/http-front.md), shown by counting.

const CALLS = 20;
const scope = new Scope();
let cloud: Part;

beforeAll(async () => {
  cloud = await startCloud(scope);
  await createStream(kinesisClient(scope, cloud.url), "s", 1);
});
afterAll(() => scope.close());

/** Calls of Data Streams since the start, and how many of them came by the short way. */
async function counted(): Promise<{ all: number; shortWay: number }> {
  const metrics = await cloud.metrics();
  return {
    all: sumOf(metrics, /^headwater_cloud_requests_total\{/),
    shortWay: sumOf(metrics, /^headwater_cloud_plain_calls_total/),
  };
}

/** How many calls came by the short way while something ran, and how many did not. */
async function waysOf(run: () => Promise<unknown>): Promise<{ shortWay: number; byNode: number }> {
  const before = await counted();
  await run();
  const after = await counted();
  const shortWay = after.shortWay - before.shortWay;
  return { shortWay, byNode: after.all - before.all - shortWay };
}

test("the JavaScript SDK over HTTP/1.1", async () => {
  // Its client for Kinesis speaks HTTP/2 unless it is given the handler that its other clients have.
  const { requestHandler } = new DynamoDBClient({ endpoint: cloud.url, region, credentials }).config;
  const client = new KinesisClient({ endpoint: cloud.url, region, credentials, requestHandler });
  const calls = async (): Promise<void> => {
    for (let i = 0; i < CALLS; i += 1) {
      const Data = Buffer.alloc(1024, i);
      await client.send(new PutRecordCommand({ StreamName: "s", PartitionKey: `k${i}`, Data }));
    }
    const at = { StreamName: "s", ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" as const };
    const { ShardIterator } = await client.send(new GetShardIteratorCommand(at));
    const { Records } = await client.send(new GetRecordsCommand({ ShardIterator }));
    expect(Records).toHaveLength(CALLS);
    const many = Array.from({ length: 200 }, (_, i) => ({ PartitionKey: `k${i}`, Data: Buffer.alloc(1024, i) }));
    const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName: "s", Records: many }));
    expect(FailedRecordCount).toBe(0);
  };
  expect(await waysOf(calls)).toEqual({ shortWay: CALLS + 3, byNode: 0 });
  client.destroy();
});

test("boto3, which sends a head and its body one after the other", async () => {
  const program = `
import sys, boto3
kinesis = boto3.client("kinesis", endpoint_url=sys.argv[1])
for i in range(${CALLS}):
    kinesis.put_record(StreamName="s", PartitionKey=f"k{i}", Data=bytes([i]) * 1024)
kinesis.put_records(StreamName="s", Records=[{"PartitionKey": f"k{i}", "Data": bytes([i]) * 1024} for i in range(200)])
`;
  const command = ["/usr/bin/python3", "-c", program, cloud.url] as const;
  expect(await waysOf(() => run(scope, command, { env: clientEnvironment }))).toEqual({
    shortWay: CALLS + 1,
    byNode: 0,
  });
});

test("the AWS CLI", async () => {
  const put = ["put-record", "--stream-name", "s", "--partition-key", "k", "--data", "aGVsbG8="];
  const command = ["/usr/bin/aws", "--endpoint-url", cloud.url, "kinesis", ...put] as const;
  expect(await waysOf(() => run(scope, command, { env: clientEnvironment }))).toEqual({ shortWay: 1, byNode: 0 });
});
