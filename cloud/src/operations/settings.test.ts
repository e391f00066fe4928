import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CloudError } from "../cloud-error.js";
import { type Answer, TestService, texts } from "../testing/test-service.js";

const HOUR_MS = 3_600_000;
const ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s";

let it: TestService;
beforeEach(async () => {
  it = await TestService.start();
  await it.createStream("s");
});
afterEach(() => it.close());

async function summary(): Promise<Answer> {
  const { StreamDescriptionSummary } = await it.call("DescribeStreamSummary", { StreamName: "s" });
  return StreamDescriptionSummary as Answer;
}

describe("tags", () => {
  test("are added, replaced, listed by page and removed, by name and by ARN", async () => {
    await it.call("AddTagsToStream", { StreamName: "s", Tags: { b: "1", a: "2" } });
    await it.call("TagResource", { ResourceARN: ARN, Tags: { b: "3", c: "" } });
    const first = await it.call("ListTagsForStream", { StreamARN: ARN, Limit: 2 });
    expect(first).toEqual({ Tags: [tag("a", "2"), tag("b", "3")], HasMoreTags: true });
    const rest = await it.call("ListTagsForStream", { StreamName: "s", ExclusiveStartTagKey: "b" });
    expect(rest).toEqual({ Tags: [tag("c", "")], HasMoreTags: false });
    await it.call("RemoveTagsFromStream", { StreamName: "s", TagKeys: ["a", "none"] });
    await it.call("UntagResource", { ResourceARN: ARN, TagKeys: ["c"] });
    expect(await it.call("ListTagsForResource", { ResourceARN: ARN })).toEqual({ Tags: [tag("b", "3")] });
  });

  test("given at creation are there", async () => {
    await it.call("CreateStream", { StreamName: "t", ShardCount: 1, Tags: { a: "b" } });
    expect(await it.call("ListTagsForStream", { StreamName: "t" })).toMatchObject({ Tags: [tag("a", "b")] });
  });

  test.each([
    { why: "a 51st", Tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, ""])) },
    { why: "a character that is not allowed", Tags: { "a;b": "" } },
    { why: "a value with such a character", Tags: { a: "\t" } },
    { why: "a reserved key", Tags: { "aws:a": "" } },
  ])("with $why are refused, and none is added", async ({ Tags }) => {
    expect(await refusal(it.call("AddTagsToStream", { StreamName: "s", Tags }))).toBe("argument-invalid");
    expect(await it.call("ListTagsForStream", { StreamName: "s" })).toEqual({ Tags: [], HasMoreTags: false });
  });
});

describe("retention", () => {
  test("grows and shrinks within its bounds, each by its own call", async () => {
    await it.call("IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 8760 });
    await it.call("DecreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 48 });
    expect(await summary()).toMatchObject({ RetentionPeriodHours: 48 });
    for (const [operation, hours, message] of [
      ["IncreaseStreamRetentionPeriod", 47, /can not be shorter than existing retention period \(48 hours\)/],
      ["DecreaseStreamRetentionPeriod", 49, /can not be longer than existing retention period \(48 hours\)/],
      ["DecreaseStreamRetentionPeriod", 23, /Minimum allowed retention period is 24 hours/],
      ["IncreaseStreamRetentionPeriod", 8761, /Maximum allowed retention period is 8760 hours/],
    ] as const) {
      await expect(it.call(operation, { StreamName: "s", RetentionPeriodHours: hours })).rejects.toThrow(message);
    }
    expect(await summary()).toMatchObject({ RetentionPeriodHours: 48 });
  });

  test("that grows keeps what has not expired, and does not bring back what has", async () => {
    await it.put("s", "first");
    it.clock.advance(2 * HOUR_MS);
    await it.put("s", "second");
    it.clock.advance(23 * HOUR_MS);
    await it.call("IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 48 });
    it.clock.advance(10 * HOUR_MS);
    expect(await readAll()).toEqual(["second"]);
  });

  test("that shrinks hides at once what is older", async () => {
    await it.call("IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 48 });
    await it.put("s", "first");
    it.clock.advance(30 * HOUR_MS);
    await it.put("s", "second");
    expect(await readAll()).toEqual(["first", "second"]);
    await it.call("DecreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 24 });
    expect(await readAll()).toEqual(["second"]);
  });
});

test("encryption is noted and shown", async () => {
  const input = { StreamName: "s", EncryptionType: "KMS", KeyId: "alias/aws/kinesis" };
  await it.call("StartStreamEncryption", input);
  expect(await summary()).toMatchObject({ EncryptionType: "KMS", KeyId: "alias/aws/kinesis" });
  await it.call("StopStreamEncryption", input);
  expect(await summary()).toMatchObject({ EncryptionType: "NONE" });
});

test("enhanced monitoring says what was kept and what is, and knows ALL", async () => {
  expect(await monitor("Enable", "OutgoingBytes", "IncomingBytes")).toMatchObject({
    CurrentShardLevelMetrics: [],
    DesiredShardLevelMetrics: ["IncomingBytes", "OutgoingBytes"],
  });
  expect(await monitor("Enable", "ALL")).toMatchObject({
    CurrentShardLevelMetrics: ["IncomingBytes", "OutgoingBytes"],
  });
  const { DesiredShardLevelMetrics } = await monitor("Disable", "IncomingBytes");
  expect(DesiredShardLevelMetrics).toHaveLength(6);
  expect(await summary()).toMatchObject({ EnhancedMonitoring: [{ ShardLevelMetrics: DesiredShardLevelMetrics }] });
});

test("the mode, the record size and the warm throughput are changed and shown", async () => {
  const warm = { StreamName: "s", WarmThroughputMiBps: 10 };
  expect(await refusal(it.call("UpdateStreamWarmThroughput", warm))).toBe("argument-invalid");
  await it.call("UpdateStreamMode", { StreamARN: ARN, StreamModeDetails: { StreamMode: "ON_DEMAND" } });
  expect(await it.call("UpdateStreamWarmThroughput", warm)).toMatchObject({
    WarmThroughput: { TargetMiBps: 10, CurrentMiBps: 1 },
  });
  await it.call("UpdateMaxRecordSize", { StreamARN: ARN, MaxRecordSizeInKiB: 10_240 });
  expect(await summary()).toMatchObject({
    StreamModeDetails: { StreamMode: "ON_DEMAND" },
    MaxRecordSizeInKiB: 10_240,
    WarmThroughput: { TargetMiBps: 10, CurrentMiBps: 1 },
  });
  for (const MaxRecordSizeInKiB of [1023, 10_241]) {
    expect(await refusal(it.call("UpdateMaxRecordSize", { StreamARN: ARN, MaxRecordSizeInKiB }))).toBe(
      "constraint-violated",
    );
  }
});

test("the account's limits and settings", async () => {
  await it.call("CreateStream", { StreamName: "d", StreamModeDetails: { StreamMode: "ON_DEMAND" } });
  expect(await it.call("DescribeLimits", {})).toEqual({
    ShardLimit: 20_000,
    OpenShardCount: 5,
    OnDemandStreamCount: 1,
    OnDemandStreamCountLimit: 50,
  });
  const commitment = async (): Promise<unknown> =>
    (await it.call("DescribeAccountSettings", {}))["MinimumThroughputBillingCommitment"];
  expect(await commitment()).toEqual({ Status: "DISABLED" });
  await it.call("UpdateAccountSettings", { MinimumThroughputBillingCommitment: { Status: "ENABLED" } });
  expect(await commitment()).toEqual({ Status: "ENABLED", StartedAt: new Date(it.clock.now()) });
});

describe("a resource policy", () => {
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });

  test("is stored, read and deleted, for a stream and for a consumer", async () => {
    const { Consumer } = await it.call("RegisterStreamConsumer", { StreamARN: ARN, ConsumerName: "c" });
    for (const ResourceARN of [ARN, (Consumer as Answer)["ConsumerARN"]]) {
      expect(await it.call("GetResourcePolicy", { ResourceARN })).toEqual({ Policy: "{}" });
      await it.call("PutResourcePolicy", { ResourceARN, Policy });
      expect(await it.call("GetResourcePolicy", { ResourceARN })).toEqual({ Policy });
      await it.call("DeleteResourcePolicy", { ResourceARN });
      expect(await refusal(it.call("DeleteResourcePolicy", { ResourceARN }))).toBe("policy-not-found");
    }
  });

  test.each(["{", "[]", "{}"])("that is none is refused: %s", async (text) => {
    const given = { ResourceARN: ARN, Policy: text };
    expect(await refusal(it.call("PutResourcePolicy", given))).toBe("argument-invalid");
  });
});

describe("consumers", () => {
  test("are registered, described by ARN and by name, listed by page, tagged, and deregistered", async () => {
    const { Consumer } = await register("c");
    const ConsumerARN = `${ARN}/consumer/c:${Math.floor(it.clock.now() / 1000)}`;
    const expected = {
      ConsumerName: "c",
      ConsumerARN,
      ConsumerStatus: "ACTIVE",
      ConsumerCreationTimestamp: new Date(it.clock.now()),
    };
    expect(Consumer).toEqual(expected);
    for (const reference of [{ ConsumerARN }, { StreamARN: ARN, ConsumerName: "c" }]) {
      expect(await it.call("DescribeStreamConsumer", reference)).toEqual({
        ConsumerDescription: { ...expected, StreamARN: ARN },
      });
    }
    await register("b");
    const first = await it.call("ListStreamConsumers", { StreamARN: ARN, MaxResults: 1 });
    expect(first).toMatchObject({ Consumers: [{ ConsumerName: "b" }] });
    const { NextToken } = first;
    const second = await it.call("ListStreamConsumers", { StreamARN: ARN, NextToken });
    expect(second).toEqual({ Consumers: [expected] });
    expect(await it.call("ListTagsForResource", { ResourceARN: ConsumerARN })).toEqual({ Tags: [tag("a", "b")] });
    expect(await summary()).toMatchObject({ ConsumerCount: 2 });
    await it.call("DeregisterStreamConsumer", { ConsumerARN });
    expect(await refusal(it.call("DescribeStreamConsumer", { ConsumerARN }))).toBe("consumer-not-found");
  });

  test("have one name each, and are twenty at most", async () => {
    for (let i = 0; i < 20; i += 1) await register(`c${i}`);
    expect(await refusal(register("c0"))).toBe("consumer-exists");
    expect(await refusal(register("c20"))).toBe("limit-exceeded");
  });

  test("are named by an ARN, or by stream and name, which must agree", async () => {
    const { Consumer } = await register("c");
    const { ConsumerARN } = Consumer as Answer;
    for (const reference of [{}, { StreamARN: ARN }, { ConsumerName: "c" }, { ConsumerARN, ConsumerName: "other" }]) {
      expect(await refusal(it.call("DescribeStreamConsumer", reference))).toBe("argument-invalid");
    }
  });

  test("go with their stream", async () => {
    const { Consumer } = await register("c");
    await it.call("DeleteStream", { StreamName: "s", EnforceConsumerDeletion: true });
    await it.close();
    const { ConsumerARN } = Consumer as Answer;
    expect(await refusal(it.call("DescribeStreamConsumer", { ConsumerARN }))).toBe("consumer-not-found");
  });
});

test.each(["CreateChannel", "ListChannels", "UpdateStreamRecordDistributionStrategy"])(
  "%s says that it is not supported",
  async (operation) => expect(await refusal(it.call(operation, {}))).toBe("operation-unsupported"),
);

async function readAll(): Promise<string[]> {
  const ShardIterator = await it.iterator("s", { ShardIteratorType: "TRIM_HORIZON" });
  return texts(await it.call("GetRecords", { ShardIterator }));
}

function monitor(verb: "Enable" | "Disable", ...ShardLevelMetrics: string[]): Promise<Answer> {
  return it.call(`${verb}EnhancedMonitoring`, { StreamName: "s", ShardLevelMetrics });
}

function register(ConsumerName: string): Promise<Answer> {
  return it.call("RegisterStreamConsumer", { StreamARN: ARN, ConsumerName, Tags: { a: "b" } });
}

/** The code of the error that was answered. */
async function refusal(answer: Promise<unknown>): Promise<string | undefined> {
  try {
    await answer;
    return undefined;
  } catch (error) {
    if (error instanceof CloudError) return error.code;
    throw error;
  }
}

function tag(Key: string, Value: string): Answer {
  return { Key, Value };
}
