import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { base64, TestService } from "../testing/test-service.js";

// What AWS answers, by the tests of other servers that were run against it.

let it: TestService;
beforeEach(async () => {
  it = await TestService.start();
  await it.createStream("s", 3);
});
afterEach(() => it.close());

const under = (stream: string): string => `stream ${stream} under account 000000000000`;
const invalidTags =
  "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @.";
const illegalTags =
  "because some tags contained illegal characters. The allowed characters are Unicode letters, white-spaces, " +
  "'_',',','/','=','+','-','@'.";
const data = base64("x");
const decimal = (hex: string): string => String(BigInt(`0x${hex}`));
const seconds = (offset: number): string => Math.floor(it.clock.now() / 1000 + offset).toString(16);
const putAfter = (SequenceNumberForOrdering: string): Promise<unknown> =>
  it.call("PutRecord", { StreamName: "s", PartitionKey: "k", Data: data, SequenceNumberForOrdering });
const readFrom = (StartingSequenceNumber: string): Promise<unknown> =>
  it.iterator("s", { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber });

describe("who asks of what is not there is told in the order in which AWS looks", () => {
  const latest = { ShardIteratorType: "LATEST" };
  const split = { NewStartingHashKey: "7" };
  const merge = { AdjacentShardToMerge: "shardId-0" };
  test.each<[string, Record<string, unknown>, string]>([
    [
      "GetShardIterator",
      { StreamName: "x", ShardId: "7", ...latest },
      `Shard shardId-000000000007 in ${under("x")} does not exist`,
    ],
    [
      "GetShardIterator",
      { StreamName: "x", ShardId: "a-00002147483647", ...latest },
      `Shard shardId-002147483647 in ${under("x")} does not exist`,
    ],
    [
      "GetShardIterator",
      { StreamName: "x", ShardId: "2147483648", ...latest },
      `Could not find shard 2147483648 in ${under("x")}.`,
    ],
    [
      "GetShardIterator",
      { StreamName: "s", ShardId: "7", ...latest },
      `Shard shardId-000000000007 in ${under("s")} does not exist`,
    ],
    ["SplitShard", { StreamName: "x", ShardToSplit: "7", ...split }, "Stream x under account 000000000000 not found."],
    [
      "SplitShard",
      { StreamName: "x", ShardToSplit: "2.14E4", ...split },
      `Could not find shard 2.14E4 in ${under("x")}.`,
    ],
    [
      "SplitShard",
      { StreamName: "s", ShardToSplit: "shardId-7", ...split },
      `Could not find shard shardId-000000000007 in ${under("s")}.`,
    ],
    ["MergeShards", { StreamName: "x", ShardToMerge: "7", ...merge }, "Stream x under account 000000000000 not found."],
    ["MergeShards", { StreamName: "x", ShardToMerge: "ABC", ...merge }, `Could not find shard ABC in ${under("x")}.`],
    [
      "MergeShards",
      { StreamName: "x", ShardToMerge: "0", AdjacentShardToMerge: "ABC" },
      `Could not find shard ABC in ${under("x")}.`,
    ],
    [
      "IncreaseStreamRetentionPeriod",
      { StreamName: "x", RetentionPeriodHours: 1 },
      "Stream x under account 000000000000 not found.",
    ],
    ["RemoveTagsFromStream", { StreamName: "x", TagKeys: [";"] }, "Stream x under account 000000000000 not found."],
  ])("%s %j", async (operation, input, message) => {
    await expect(it.call(operation, input)).rejects.toMatchObject({
      code: expect.stringMatching(/^(stream|shard)-not-found$/) as string,
      message,
    });
  });
});

test.each<[string, Record<string, unknown>, string]>([
  ["AddTagsToStream", { Tags: { "a;b": "c" } }, invalidTags],
  ["AddTagsToStream", { Tags: { a: "b\tc" } }, invalidTags],
  ["AddTagsToStream", { Tags: { "a%b": "c" } }, `Failed to add tags to ${under("s")} ${illegalTags}`],
  ["RemoveTagsFromStream", { TagKeys: ["a,b"] }, invalidTags],
  ["RemoveTagsFromStream", { TagKeys: ["a%b"] }, `Failed to remove tags from ${under("s")} ${illegalTags}`],
  [
    "UpdateShardCount",
    { TargetShardCount: 20_000, ScalingType: "UNIFORM_SCALING" },
    "Target shard count or number of open shards cannot be greater than 10000. " +
      "Current open shard count: 3, Target shard count: 20000",
  ],
])("%s with %j is told what is wrong", async (operation, input, message) => {
  await expect(it.call(operation, { StreamName: "s", ...input })).rejects.toThrow(message);
});

test.each<[string, Record<string, unknown>, RegExp]>([
  [
    "CreateStream",
    { StreamName: "x", ShardCount: 100_001 },
    /'100001' at 'shardCount' .* value less than or equal to 100000$/,
  ],
  ["UpdateShardCount", { TargetShardCount: 100_001, ScalingType: "UNIFORM_SCALING" }, /less than or equal to 100000$/],
  ["IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: -1 }, /'-1' at 'retentionPeriodHours'/],
  [
    "PutRecord",
    { StreamName: "", PartitionKey: "", Data: "", ExplicitHashKey: "" },
    /'partitionKey'.*'explicitHashKey'.*'streamName'/,
  ],
  ["SplitShard", {}, /'newStartingHashKey'.*'shardToSplit'/],
  [
    "PutRecord",
    { StreamName: "s", PartitionKey: "k", Data: Buffer.alloc(1 << 20).toString("base64") },
    /Value at 'data' .* or equal to 1048576$/,
  ],
])("%s with %j breaks constraints", async (operation, input, message) => {
  await expect(it.call(operation, input)).rejects.toMatchObject({
    code: "constraint-violated",
    message: expect.stringMatching(message) as string,
  });
});

test("ListShards of nothing asks for a stream or a token", async () => {
  await expect(it.call("ListShards", {})).rejects.toThrow("Either NextToken or StreamName should be provided.");
});

test("a stream of which neither mode nor shards are said is on demand, and is not resharded by its users", async () => {
  await it.call("CreateStream", { StreamName: "d" });
  const { Shards } = await it.call("ListShards", { StreamName: "d" });
  expect(Shards).toHaveLength(4);
  const scale = { StreamName: "d", TargetShardCount: 5, ScalingType: "UNIFORM_SCALING" };
  await expect(it.call("UpdateShardCount", scale)).rejects.toMatchObject({
    code: "constraint-violated",
    message: "Request is invalid. Stream d under account 000000000000 is in On-Demand mode.",
  });
});

test("an account has 50 streams on demand, however they came to be", async () => {
  for (let i = 0; i < 50; i += 1) await it.call("CreateStream", { StreamName: `d${i}` });
  const message =
    "This request would exceed the limit on the number of On-Demand streams for the account 000000000000 in us-east-1. " +
    "Current On-Demand streams count: 50. Limit: 50.";
  const toOnDemand = (name: string): Promise<unknown> =>
    it.call("UpdateStreamMode", {
      StreamARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${name}`,
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
    });
  await expect(it.call("CreateStream", { StreamName: "d50" })).rejects.toMatchObject({
    code: "limit-exceeded",
    message,
  });
  await expect(it.call("CreateStream", { StreamName: "d7" })).rejects.toMatchObject({ code: "stream-exists" });
  await expect(toOnDemand("s")).rejects.toMatchObject({ code: "limit-exceeded", message });
  await toOnDemand("d7");
});

test("a stream with consumers is deleted only by who says so", async () => {
  const StreamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
  await it.call("RegisterStreamConsumer", { StreamARN, ConsumerName: "c" });
  await expect(it.call("DeleteStream", { StreamName: "s" })).rejects.toMatchObject({
    code: "stream-busy",
    message:
      "DeleteStream can't delete 000000000000:s because there are consumers associated with this data stream. To delete " +
      "s anyway, set the EnforceConsumerDeletion parameter to true to force the deletion of all the consumers that are " +
      "associated with it.",
  });
});

test("who reads too often is told of the shard as AWS does", async () => {
  const limited = await TestService.start({ limited: true });
  try {
    await limited.createStream("s");
    const ShardIterator = await limited.iterator("s", { ShardIteratorType: "LATEST" });
    const read = (): Promise<unknown> => limited.call("GetRecords", { ShardIterator });
    for (let i = 0; i < 5; i += 1) await read();
    await expect(read()).rejects.toThrow("Rate exceeded for Shard - 000000000000/s/shardId-000000000000");
  } finally {
    await limited.close();
  }
});

test("lists have at most 100 entries, however many are asked for", async () => {
  await it.createStream("many", 101);
  const Limit = 10_000;
  const { StreamDescription } = await it.call("DescribeStream", { StreamName: "many", Limit });
  expect(StreamDescription).toMatchObject({ HasMoreShards: true, Shards: { length: 100 } });
  for (let i = 0; i < 100; i += 1) await it.createStream(`stream-${i}`);
  const { StreamNames, HasMoreStreams } = await it.call("ListStreams", { Limit });
  expect([(StreamNames as unknown[]).length, HasMoreStreams]).toEqual([100, true]);
});

test("puts say how records are encrypted, if they are", async () => {
  const record = { PartitionKey: "k", Data: data };
  const kinds = async (): Promise<unknown[]> => [
    (await it.call("PutRecord", { StreamName: "s", ...record }))["EncryptionType"],
    (await it.call("PutRecords", { StreamName: "s", Records: [record] }))["EncryptionType"],
  ];
  expect(await kinds()).toEqual([undefined, undefined]);
  await it.call("StartStreamEncryption", { StreamName: "s", EncryptionType: "KMS", KeyId: "alias/aws/kinesis" });
  expect(await kinds()).toEqual(["KMS", "KMS"]);
});

describe("sequence numbers of AWS", () => {
  test.each([
    ["of no time", () => "20000000000000000000000000000000000000000000002"],
    ["of the form before", () => "20000000000000000000000000000000000000000000001"],
    ["of now, with all bits set", () => `23bb2cc3d7f7fffffffffffffff000${seconds(-2)}7fffffff2`],
  ])("%s are taken for ordering", async (_, hex) => {
    expect(await putAfter(decimal(hex()))).toMatchObject({ ShardId: expect.any(String) as string });
  });

  test.each([
    ["of no form", () => "20000000000000000000000000000000000000000000004"],
    ["that begin otherwise", () => "30000000000000000000000000000000000000000000001"],
    ["below them", () => "1ffffffffff7fffffffffffffff000000000007fffffff2"],
    ["of too great an index", () => "20000000000800000000000000000000000000000000002"],
    ["of a shard to come in 500 years", () => "13bb2cc3d80000000000000000000000"],
    ["of a time to come", () => `200000000000000000000000000000${seconds(60)}000000002`],
  ])("%s are refused", async (_, hex) => {
    await expect(putAfter(decimal(hex()))).rejects.toThrow(
      `ExclusiveMinimumSequenceNumber ${decimal(hex())} used in PutRecord on ${under("s")} is invalid.`,
    );
  });

  test("are no place to read from, and say of which shard they are", async () => {
    await expect(readFrom("5")).rejects.toThrow(
      "Invalid StartingSequenceNumber. It encodes shardId-000000000005, " +
        "while it was used in a call to a shard with shardId-000000000000",
    );
    await expect(readFrom("0")).rejects.toThrow("is invalid because it did not come from this stream.");
  });
});
