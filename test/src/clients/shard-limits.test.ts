import { PutRecordCommand, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { expect, onTestFinished, test } from "vitest";
import { createStream, kinesisClient } from "../harness/kinesis.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { callJson } from "../harness/signed-request.js";
import { until } from "../harness/until.js";

const RECORD_BYTES = 64 * 1024;

function batch(StreamName: string, hashKey: string, count: number, recordBytes: number): unknown {
  const Data = Buffer.alloc(recordBytes, 1).toString("base64");
  const Records = Array.from({ length: count }, () => ({ PartitionKey: "k", ExplicitHashKey: hashKey, Data }));
  return { StreamName, Records };
}

interface Answer {
  readonly FailedRecordCount: number;
  readonly Records: readonly { readonly ErrorCode?: string; readonly ErrorMessage?: string }[];
}

test("a shard takes 1 MiB and 1,000 records a second, entry by entry; its neighbour and the next second are free", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const client = kinesisClient(scope, cloud.url);
  const StreamName = "limited";
  await createStream(client, StreamName, 2);
  const put = async (...input: [string, number, number]): Promise<Answer> =>
    (await callJson(cloud.url, "PutRecords", batch(StreamName, ...input))).body as unknown as Answer;

  // 40 × 64 KiB = 2.5 MiB at once: about the first MiB fits, the rest is told to come again.
  const byBytes = await put("0", 40, RECORD_BYTES);
  const taken = byBytes.Records.filter(({ ErrorCode }) => ErrorCode === undefined).length;
  expect(taken).toBeGreaterThanOrEqual(14);
  expect(taken).toBeLessThanOrEqual(34);
  expect(byBytes.FailedRecordCount).toBe(40 - taken);
  const rejected = byBytes.Records.find(({ ErrorCode }) => ErrorCode !== undefined);
  expect(rejected?.ErrorCode).toBe("ProvisionedThroughputExceededException");
  expect(rejected?.ErrorMessage).toBe(
    `Rate exceeded for shard shardId-000000000000 in stream ${StreamName} under account 000000000000.`,
  );

  const neighbour = await put(String(2n ** 127n), 5, 1024);
  expect(neighbour.FailedRecordCount).toBe(0);

  await until("the shard to take records again", async () => (await put("0", 1, RECORD_BYTES)).FailedRecordCount === 0);

  // By count: five calls of 500 small records at once are more than one second's and one burst's worth.
  await until("a full bucket", async () => (await put(String(2n ** 127n), 1, 1)).FailedRecordCount === 0);
  const byCount = await Promise.all(Array.from({ length: 5 }, () => put(String(2n ** 127n), 500, 1)));
  const refused = byCount.reduce((sum, { FailedRecordCount }) => sum + FailedRecordCount, 0);
  expect(refused).toBeGreaterThan(400);
  expect(refused).toBeLessThanOrEqual(1600);

  // A single put that is over the limit is an exception to the client, which by itself waits and tries again.
  await put(String(2n ** 127n), 40, RECORD_BYTES);
  const single = await callJson(cloud.url, "PutRecord", {
    StreamName,
    PartitionKey: "k",
    ExplicitHashKey: String(2n ** 127n),
    Data: Buffer.alloc(512 * 1024).toString("base64"),
  });
  expect(single).toMatchObject({
    status: 400,
    body: { __type: expect.stringContaining("ProvisionedThroughput") as string },
  });
  await client.send(
    new PutRecordCommand({
      StreamName,
      PartitionKey: "k",
      ExplicitHashKey: String(2n ** 127n),
      Data: Buffer.from("x"),
    }),
  );
});

test("--no-shard-limits lifts them", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope, { flags: { "no-shard-limits": true } });
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "unlimited", 1);
  for (let call = 0; call < 4; call++) {
    const { FailedRecordCount } = await client.send(
      new PutRecordsCommand({
        StreamName: "unlimited",
        Records: Array.from({ length: 500 }, () => ({ PartitionKey: "k", Data: Buffer.alloc(4096) })),
      }),
    );
    expect(FailedRecordCount).toBe(0);
  }
});
