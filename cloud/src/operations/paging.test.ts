import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ShardOwner } from "../streams/shard-owner.js";
import { TestService } from "../testing/test-service.js";

let it: TestService;
beforeEach(async () => {
  it = await TestService.start();
  for (const name of ["a", "b", "c", "d", "e"]) await it.createStream(name, name === "e" ? 5 : 1);
});
afterEach(() => it.close());

const shardIds = (...numbers: number[]): string[] => numbers.map((number) => `shardId-00000000000${number}`);
const idsOf = (shards: unknown): string[] => (shards as { ShardId: string }[]).map(({ ShardId }) => ShardId);

async function description(input: object): Promise<unknown> {
  return (await it.call("DescribeStream", { StreamName: "e", ...input }))["StreamDescription"];
}

function arn(name: string, region = "us-east-1", account = "000000000000"): string {
  return `arn:aws:kinesis:${region}:${account}:stream/${name}`;
}

describe("ListStreams", () => {
  test("page by page, by token or by the last name", async () => {
    const first = await it.call("ListStreams", { Limit: 2 });
    expect(first).toMatchObject({ StreamNames: ["a", "b"], HasMoreStreams: true });
    const byToken = await it.call("ListStreams", { Limit: 2, NextToken: first["NextToken"] });
    const byName = await it.call("ListStreams", { Limit: 2, ExclusiveStartStreamName: "b" });
    expect(byToken["StreamNames"]).toEqual(["c", "d"]);
    expect(byName).toEqual(byToken);
    const last = await it.call("ListStreams", { NextToken: byToken["NextToken"] });
    expect(last).toMatchObject({ StreamNames: ["e"], HasMoreStreams: false });
    expect(last["NextToken"]).toBeUndefined();
  });

  test("100 at a time unless told otherwise", async () => {
    for (let i = 0; i < 100; i += 1) await it.createStream(`many-${i}`);
    expect((await it.call("ListStreams", {}))["StreamNames"]).toHaveLength(100);
  });
});

describe("ListShards", () => {
  test("page by page; a token stands in for the stream and nothing else", async () => {
    const first = await it.call("ListShards", { StreamName: "e", MaxResults: 2 });
    expect(idsOf(first["Shards"])).toEqual(shardIds(0, 1));
    const second = await it.call("ListShards", { NextToken: first["NextToken"], MaxResults: 2 });
    expect(idsOf(second["Shards"])).toEqual(shardIds(2, 3));
    const last = await it.call("ListShards", { NextToken: second["NextToken"] });
    expect([idsOf(last["Shards"]), last["NextToken"]]).toEqual([shardIds(4), undefined]);
    await expect(it.call("ListShards", { StreamName: "e", NextToken: first["NextToken"] })).rejects.toMatchObject({
      code: "argument-invalid",
      message: "NextToken and StreamName cannot be provided together.",
    });
  });

  test("describes no more shards than it answers, as DescribeStream does: others would wait for thousands", async () => {
    const described = vi.spyOn(ShardOwner.prototype, "describe");
    await it.call("ListShards", { StreamName: "e", MaxResults: 2 });
    expect(described).toHaveBeenCalledTimes(2);
    await description({ Limit: 1 });
    expect(described).toHaveBeenCalledTimes(3);
    described.mockRestore();
  });

  test("behind a shard, by either way to say so", async () => {
    for (const start of [
      { ExclusiveStartShardId: "shardId-000000000002" },
      { ShardFilter: { Type: "AFTER_SHARD_ID", ShardId: "shardId-000000000002" } },
    ]) {
      expect(idsOf((await it.call("ListShards", { StreamName: "e", ...start }))["Shards"])).toEqual(shardIds(3, 4));
    }
  });

  test.each([
    [{ Type: "AFTER_SHARD_ID" }, /ShardId must be specified/],
    [{ Type: "AT_TIMESTAMP" }, /Timestamp must be specified/],
    [{ Type: "FROM_TIMESTAMP", Timestamp: 4e9 }, /future/],
  ])("with the filter %j is refused", async (ShardFilter, message) => {
    await expect(it.call("ListShards", { StreamName: "e", ShardFilter })).rejects.toMatchObject({
      code: "argument-invalid",
      message: expect.stringMatching(message) as string,
    });
  });
});

test("DescribeStream pages by the last shard", async () => {
  const first = (await description({ Limit: 3 })) as { Shards: unknown };
  expect(first).toMatchObject({ HasMoreShards: true });
  expect(idsOf(first.Shards)).toEqual(shardIds(0, 1, 2));
  const last = (await description({ ExclusiveStartShardId: "shardId-000000000002" })) as { Shards: unknown };
  expect(last).toMatchObject({ HasMoreShards: false });
  expect(idsOf(last.Shards)).toEqual(shardIds(3, 4));
});

describe("next tokens", () => {
  test("hold for five minutes", async () => {
    const { NextToken } = await it.call("ListStreams", { Limit: 1 });
    it.clock.advance(300_000);
    await expect(it.call("ListStreams", { NextToken })).resolves.toBeDefined();
    it.clock.advance(1);
    await expect(it.call("ListStreams", { NextToken })).rejects.toMatchObject({ code: "next-token-expired" });
  });

  test("are good for the operation that gave them, and nobody can make one", async () => {
    const { NextToken } = await it.call("ListStreams", { Limit: 1 });
    for (const foreign of [NextToken, "AAAA", "x"]) {
      await expect(it.call("ListShards", { NextToken: foreign })).rejects.toMatchObject({ code: "argument-invalid" });
    }
  });
});

describe("streams by ARN", () => {
  test("are the same streams; both may be given", async () => {
    const byName = await it.call("DescribeStreamSummary", { StreamName: "a" });
    expect(await it.call("DescribeStreamSummary", { StreamARN: arn("a") })).toEqual(byName);
    expect(await it.call("DescribeStreamSummary", { StreamName: "a", StreamARN: arn("a") })).toEqual(byName);
  });

  test.each<[object, string]>([
    [{ StreamName: "b", StreamARN: arn("a") }, "argument-invalid"],
    [{}, "argument-invalid"],
    [{ StreamARN: arn("a", "eu-west-1") }, "stream-not-found"],
    [{ StreamARN: arn("a", "us-east-1", "111111111111") }, "stream-not-found"],
    [{ StreamARN: arn("a:b") }, "stream-not-found"],
    [{ StreamARN: arn("a/consumer/c:1") }, "stream-not-found"],
    [{ StreamARN: "a" }, "constraint-violated"],
  ])("%j is refused", async (reference, code) => {
    await expect(it.call("DescribeStreamSummary", reference)).rejects.toMatchObject({ code });
  });
});
