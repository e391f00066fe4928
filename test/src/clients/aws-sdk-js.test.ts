import * as sdk from "@aws-sdk/client-kinesis";
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  waitUntilStreamExists,
  waitUntilStreamNotExists,
} from "@aws-sdk/client-kinesis";
import { hashPartitionKey } from "@headwater/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { credentials, region } from "../harness/credentials.js";
import { createStream, kinesisClient, readAll } from "../harness/kinesis.js";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { callJson } from "../harness/signed-request.js";
import { until } from "../harness/until.js";

// The client is as npm gives it: its default handler speaks prior-knowledge HTTP/2.
const scope = new Scope();
let cloud: Part;
let client: KinesisClient;

beforeAll(async () => {
  cloud = await startCloud(scope);
  client = kinesisClient(scope, cloud.url);
});
afterAll(() => scope.close());

const arn = (name: string): string => `arn:aws:kinesis:${region}:000000000000:stream/${name}`;

test("every operation that the SDK knows is one here", async () => {
  const names = Object.keys(sdk).flatMap((name) => /^(\w+)Command$/.exec(name)?.[1] ?? []);
  expect(names.length).toBeGreaterThanOrEqual(45);
  const types = await Promise.all(names.map(async (name) => (await callJson(cloud.url, name, {})).body["__type"]));
  const unknown = names.filter((_, i) => types[i] === "UnknownOperationException");
  expect(unknown).toEqual([]);
});

describe("streams", () => {
  test("come into being, are described, listed and deleted", async () => {
    const StreamName = "lifecycle";
    await client.send(new CreateStreamCommand({ StreamName, ShardCount: 3 }));
    const found = await waitUntilStreamExists({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { StreamName });
    expect(found.state).toBe("SUCCESS");

    const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName }));
    expect(StreamDescription).toMatchObject({
      StreamName,
      StreamARN: arn(StreamName),
      StreamStatus: "ACTIVE",
      HasMoreShards: false,
      RetentionPeriodHours: 24,
      EncryptionType: "NONE",
      StreamModeDetails: { StreamMode: "PROVISIONED" },
    });
    expect(StreamDescription?.StreamCreationTimestamp).toBeInstanceOf(Date);
    const ageMs = Date.now() - (StreamDescription?.StreamCreationTimestamp?.getTime() ?? 0);
    expect(ageMs).toBeLessThan(60_000);
    expect(StreamDescription?.Shards?.map(({ ShardId }) => ShardId)).toEqual([
      "shardId-000000000000",
      "shardId-000000000001",
      "shardId-000000000002",
    ]);
    const ranges = StreamDescription?.Shards?.map(({ HashKeyRange }) => HashKeyRange) ?? [];
    expect(ranges[0]?.StartingHashKey).toBe("0");
    expect(ranges[2]?.EndingHashKey).toBe(String(2n ** 128n - 1n));
    for (const [i, range] of ranges.slice(1).entries()) {
      expect(BigInt(range?.StartingHashKey ?? -1)).toBe(BigInt(ranges[i]?.EndingHashKey ?? -1) + 1n);
    }

    const summary = await client.send(new DescribeStreamSummaryCommand({ StreamARN: arn(StreamName) }));
    expect(summary.StreamDescriptionSummary).toMatchObject({
      StreamName,
      StreamARN: arn(StreamName),
      StreamStatus: "ACTIVE",
      OpenShardCount: 3,
      ConsumerCount: 0,
    });

    const listed = await client.send(new ListStreamsCommand({}));
    expect(listed.StreamNames).toContain(StreamName);

    await client.send(new DeleteStreamCommand({ StreamName }));
    const gone = await waitUntilStreamNotExists({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { StreamName });
    expect(gone.state).toBe("SUCCESS");
    expect((await client.send(new ListStreamsCommand({}))).StreamNames).not.toContain(StreamName);
  });

  test("are listed page by page", async () => {
    for (const name of ["page-a", "page-b", "page-c"]) await createStream(client, name, 1);
    const first = await client.send(new ListStreamsCommand({ Limit: 2, ExclusiveStartStreamName: "page" }));
    expect(first).toMatchObject({ StreamNames: ["page-a", "page-b"], HasMoreStreams: true });
    const second = await client.send(new ListStreamsCommand({ Limit: 2, ExclusiveStartStreamName: "page-b" }));
    expect(second.StreamNames?.[0]).toBe("page-c");
  });

  test("list their shards page by page", async () => {
    await createStream(client, "shards", 5);
    const ids: (string | undefined)[] = [];
    let token: string | undefined;
    do {
      const page = await client.send(
        new ListShardsCommand(
          token === undefined ? { StreamName: "shards", MaxResults: 2 } : { NextToken: token, MaxResults: 2 },
        ),
      );
      expect(page.Shards?.length).toBeLessThanOrEqual(2);
      ids.push(...(page.Shards?.map(({ ShardId }) => ShardId) ?? []));
      token = page.NextToken;
    } while (token !== undefined);
    expect(ids).toEqual([0, 1, 2, 3, 4].map((i) => `shardId-00000000000${i}`));
  });
});

describe("records", () => {
  test("land in the shard of their key's hash, or of the explicit hash key, and come back whole", async () => {
    const StreamName = "records";
    await createStream(client, StreamName, 4);
    const quarter = 2n ** 126n;
    const shardOf = (hashKey: bigint): string => `shardId-00000000000${hashKey / quarter}`;
    const binary = Uint8Array.from({ length: 256 }, (_, i) => i);

    const one = await client.send(new PutRecordCommand({ StreamName, PartitionKey: "kamera-é-1", Data: binary }));
    expect(one.ShardId).toBe(shardOf(hashPartitionKey("kamera-é-1")));
    expect(one.SequenceNumber).toMatch(/^49\d{54}$/);

    const many = await client.send(
      new PutRecordsCommand({
        StreamARN: arn(StreamName),
        Records: Array.from({ length: 20 }, (_, i) => ({
          PartitionKey: `key-${i}`,
          Data: Buffer.from(`record ${i}`),
          ...(i % 2 === 0 ? { ExplicitHashKey: String(quarter * BigInt(i % 4) + 5n) } : {}),
        })),
      }),
    );
    expect(many.FailedRecordCount).toBe(0);
    many.Records?.forEach(({ ShardId }, i) => {
      expect(ShardId).toBe(shardOf(i % 2 === 0 ? quarter * BigInt(i % 4) + 5n : hashPartitionKey(`key-${i}`)));
    });

    const read = await readAll(client, StreamName);
    expect(read).toHaveLength(21);
    expect(read.find(({ partitionKey }) => partitionKey === "kamera-é-1")).toEqual({
      shard: one.ShardId,
      sequenceNumber: one.SequenceNumber,
      partitionKey: "kamera-é-1",
      data: binary,
    });
    for (let i = 0; i < 20; i++) {
      const record = read.find(({ partitionKey }) => partitionKey === `key-${i}`);
      expect(Buffer.from(record?.data ?? []).toString()).toBe(`record ${i}`);
      expect(record?.sequenceNumber).toBe(many.Records?.[i]?.SequenceNumber);
    }
  });

  test("of 1 MiB are taken", async () => {
    await createStream(client, "large", 1);
    const Data = Buffer.alloc(1024 * 1024 - 1, 7);
    await client.send(new PutRecordCommand({ StreamName: "large", PartitionKey: "k", Data }));
    const [record] = await readAll(client, "large");
    expect(Buffer.from(record?.data ?? []).equals(Data)).toBe(true);
  });
});

describe("each of the five iterator types begins where it says", () => {
  const StreamName = "iterators";
  const ShardId = "shardId-000000000000";
  const sequenceNumbers: string[] = [];
  const arrivals: Date[] = [];

  async function put(text: string): Promise<void> {
    const { SequenceNumber } = await client.send(
      new PutRecordCommand({ StreamName, PartitionKey: "k", Data: Buffer.from(text) }),
    );
    sequenceNumbers.push(SequenceNumber ?? "");
  }

  async function iterate(
    from: Omit<GetShardIteratorCommandInput, "StreamName" | "ShardId">,
  ): Promise<string | undefined> {
    return (await client.send(new GetShardIteratorCommand({ StreamName, ShardId, ...from }))).ShardIterator;
  }

  beforeAll(async () => {
    await createStream(client, StreamName, 1);
    for (const text of ["one", "two", "three", "four"]) {
      await put(text);
      // The next record has to arrive in a later millisecond, or AT_TIMESTAMP could not tell them apart.
      const arrivedBy = Date.now();
      await until("the next millisecond", () => Date.now() > arrivedBy, { everyMs: 1 });
    }
    const { Records = [] } = await client.send(
      new GetRecordsCommand({ ShardIterator: await iterate({ ShardIteratorType: "TRIM_HORIZON" }) }),
    );
    for (const { ApproximateArrivalTimestamp } of Records) arrivals.push(ApproximateArrivalTimestamp ?? new Date(0));
  });

  test("TRIM_HORIZON", async () => {
    expect(await texts(await iterate({ ShardIteratorType: "TRIM_HORIZON" }))).toEqual(["one", "two", "three", "four"]);
  });

  test("AT_SEQUENCE_NUMBER", async () => {
    const StartingSequenceNumber = sequenceNumbers[1];
    const iterator = await iterate({ ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber });
    expect(await texts(iterator)).toEqual(["two", "three", "four"]);
  });

  test("AFTER_SEQUENCE_NUMBER", async () => {
    const StartingSequenceNumber = sequenceNumbers[1];
    const iterator = await iterate({ ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber });
    expect(await texts(iterator)).toEqual(["three", "four"]);
  });

  test("AT_TIMESTAMP", async () => {
    const iterator = await iterate({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: arrivals[2] });
    expect(await texts(iterator)).toEqual(["three", "four"]);
    const early = await iterate({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(0) });
    expect(await texts(early)).toEqual(["one", "two", "three", "four"]);
  });

  test("LATEST", async () => {
    const iterator = await iterate({ ShardIteratorType: "LATEST" });
    expect(await texts(iterator)).toEqual([]);
    await put("five");
    expect(await texts(iterator)).toEqual(["five"]);
  });

  test("Limit cuts the answer and the next iterator goes on", async () => {
    const ShardIterator = await iterate({ ShardIteratorType: "TRIM_HORIZON" });
    const first = await client.send(new GetRecordsCommand({ ShardIterator, Limit: 2 }));
    expect(first.Records).toHaveLength(2);
    expect(first.MillisBehindLatest).toBeGreaterThan(0);
    const rest = await texts(first.NextShardIterator);
    expect(rest.slice(0, 2)).toEqual(["three", "four"]);
  });
});

describe("errors arrive as the client's own exceptions", () => {
  const cases: [string, () => Promise<unknown>, { name: string; message: RegExp }][] = [
    [
      "an unknown stream",
      () => client.send(new DescribeStreamCommand({ StreamName: "nowhere" })),
      { name: "ResourceNotFoundException", message: /^Stream nowhere under account 000000000000 not found\.$/ },
    ],
    [
      "a put to an unknown stream",
      () => client.send(new PutRecordCommand({ StreamName: "nowhere", PartitionKey: "k", Data: Buffer.from("x") })),
      { name: "ResourceNotFoundException", message: /^Stream nowhere under account 000000000000 not found\.$/ },
    ],
    [
      "a stream that exists",
      async () => {
        await createStream(client, "twice", 1);
        await client.send(new CreateStreamCommand({ StreamName: "twice", ShardCount: 1 }));
      },
      { name: "ResourceInUseException", message: /^Stream twice under account 000000000000 already exists\.$/ },
    ],
    [
      "several broken constraints at once",
      () => client.send(new CreateStreamCommand({ StreamName: "not a name", ShardCount: 0 })),
      { name: "ValidationException", message: /^2 validation errors detected: / },
    ],
    [
      "an iterator that is none",
      () => client.send(new GetRecordsCommand({ ShardIterator: "AAAA" })),
      { name: "InvalidArgumentException", message: /iterator/i },
    ],
    [
      "a shard that is not there",
      () => {
        const ShardId = "shardId-000000000099";
        return client.send(
          new GetShardIteratorCommand({ StreamName: "twice", ShardId, ShardIteratorType: "TRIM_HORIZON" }),
        );
      },
      { name: "ResourceNotFoundException", message: /shardId-000000000099/ },
    ],
  ];
  test.each(cases)("%s", async (_, act, { name, message }) => {
    await expect(act()).rejects.toMatchObject({ name, message: expect.stringMatching(message) as string });
  });

  test("wrong keys", async () => {
    const wrongSecret = new KinesisClient({
      endpoint: cloud.url,
      region,
      credentials: { ...credentials, secretAccessKey: "wrong" },
    });
    const unknownKey = new KinesisClient({
      endpoint: cloud.url,
      region,
      credentials: { accessKeyId: "AKIDUNKNOWN", secretAccessKey: "wrong" },
    });
    scope.defer(() => wrongSecret.destroy());
    scope.defer(() => unknownKey.destroy());
    await expect(wrongSecret.send(new ListStreamsCommand({}))).rejects.toMatchObject({
      name: "InvalidSignatureException",
    });
    await expect(unknownKey.send(new ListStreamsCommand({}))).rejects.toMatchObject({
      name: "UnrecognizedClientException",
    });
  });
});

async function texts(ShardIterator: string | undefined): Promise<string[]> {
  const { Records = [] } = await client.send(new GetRecordsCommand({ ShardIterator }));
  return Records.map(({ Data = new Uint8Array() }) => Buffer.from(Data).toString());
}
