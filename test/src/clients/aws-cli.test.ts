import { afterAll, beforeAll, expect, test } from "vitest";
import { clientEnvironment } from "../harness/credentials.js";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { type Finished, run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";

// Debian's AWS CLI (2.9): HTTP/1.1, its own parser for every answer.
const scope = new Scope();
let cloud: Part;

beforeAll(async () => {
  cloud = await startCloud(scope);
});
afterAll(() => scope.close());

async function aws(...args: string[]): Promise<Finished> {
  const command = ["/usr/bin/aws", "--endpoint-url", cloud.url, "kinesis", ...args, "--output", "json"] as const;
  return await run(scope, command, { env: clientEnvironment, mayFail: true });
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr, code } = await aws(...args);
  expect(code, `aws ${args.join(" ")}: ${stderr}`).toBe(0);
  return stdout.trim() === "" ? {} : (JSON.parse(stdout) as Record<string, unknown>);
}

test("a stream's whole life", { timeout: 180_000 }, async () => {
  await json("create-stream", "--stream-name", "cli", "--shard-count", "1");
  await json("wait", "stream-exists", "--stream-name", "cli");
  expect(await json("describe-stream-summary", "--stream-name", "cli")).toMatchObject({
    StreamDescriptionSummary: { StreamName: "cli", StreamStatus: "ACTIVE", OpenShardCount: 1 },
  });
  expect(await json("describe-stream", "--stream-name", "cli")).toMatchObject({
    StreamDescription: { Shards: [{ ShardId: "shardId-000000000000" }] },
  });
  expect(await json("list-streams")).toMatchObject({ StreamNames: ["cli"] });
  expect(await json("list-shards", "--stream-name", "cli")).toMatchObject({
    Shards: [{ ShardId: "shardId-000000000000" }],
  });

  const binary = ["--cli-binary-format", "raw-in-base64-out"];
  const put = await json("put-record", "--stream-name", "cli", "--partition-key", "k", "--data", "hello", ...binary);
  expect(put).toMatchObject({
    ShardId: "shardId-000000000000",
    SequenceNumber: expect.stringMatching(/^49/) as string,
  });
  const many = await json(
    "put-records",
    "--stream-name",
    "cli",
    ...binary,
    "--records",
    "Data=a,PartitionKey=k",
    "Data=b,PartitionKey=k",
  );
  expect(many).toMatchObject({ FailedRecordCount: 0 });

  const { ShardIterator } = await json(
    "get-shard-iterator",
    "--stream-name",
    "cli",
    "--shard-id",
    "shardId-000000000000",
    "--shard-iterator-type",
    "TRIM_HORIZON",
  );
  const read = await json("get-records", "--shard-iterator", String(ShardIterator));
  const records = read["Records"] as { Data: string; SequenceNumber: string; ApproximateArrivalTimestamp: string }[];
  expect(records.map(({ Data }) => Buffer.from(Data, "base64").toString())).toEqual(["hello", "a", "b"]);
  expect(records[0]?.SequenceNumber).toBe(put["SequenceNumber"]);
  expect(Math.abs(Date.now() - Date.parse(records[0]?.ApproximateArrivalTimestamp ?? ""))).toBeLessThan(60_000);

  await json("delete-stream", "--stream-name", "cli");
  await json("wait", "stream-not-exists", "--stream-name", "cli");
});

test("errors", async () => {
  const { code, stderr } = await aws("describe-stream", "--stream-name", "nowhere");
  expect(code).toBe(254);
  expect(stderr).toContain(
    "An error occurred (ResourceNotFoundException) when calling the DescribeStream operation: " +
      "Stream nowhere under account 000000000000 not found.",
  );
});
