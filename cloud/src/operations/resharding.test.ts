import { HASH_KEY_MAX } from "@headwater/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Answer, base64, TestService, texts } from "../testing/test-service.js";

const HALF = 1n << 127n;
const DAY_MS = 24 * 3_600_000;
let it: TestService;
beforeEach(async () => {
  it = await TestService.start();
  await it.createStream("s");
});
afterEach(() => it.close());

function id(number: number): string {
  return `shardId-${String(number).padStart(12, "0")}`;
}

function split(shard = 0, at = HALF, StreamName = "s"): Promise<Answer> {
  return it.call("SplitShard", { StreamName, ShardToSplit: id(shard), NewStartingHashKey: String(at) });
}

function merge(left: number, right: number): Promise<Answer> {
  return it.call("MergeShards", { StreamName: "s", ShardToMerge: id(left), AdjacentShardToMerge: id(right) });
}

function scale(TargetShardCount: number, StreamName = "s"): Promise<Answer> {
  return it.call("UpdateShardCount", { StreamName, TargetShardCount, ScalingType: "UNIFORM_SCALING" });
}

async function list(input: object = {}): Promise<number[]> {
  const { Shards } = await it.call("ListShards", { StreamName: "s", ...input });
  return (Shards as { ShardId: string }[]).map(({ ShardId }) => Number(ShardId.slice(-12)));
}

async function read(shard: number, start: object = { ShardIteratorType: "TRIM_HORIZON" }): Promise<Answer> {
  return it.call("GetRecords", { ShardIterator: await it.iterator("s", { ShardId: id(shard), ...start }) });
}

async function createOnDemand(): Promise<void> {
  await it.call("CreateStream", { StreamName: "auto", StreamModeDetails: { StreamMode: "ON_DEMAND" } });
}

describe("SplitShard", () => {
  test("answers nothing once it is done; the children tell their parent and share its keys", async () => {
    expect(await split()).toEqual({});
    const { Shards } = await it.call("ListShards", { StreamName: "s" });
    expect(Shards).toEqual([
      {
        ShardId: id(0),
        HashKeyRange: { StartingHashKey: "0", EndingHashKey: String(HASH_KEY_MAX) },
        SequenceNumberRange: {
          StartingSequenceNumber: expect.any(String) as string,
          EndingSequenceNumber: expect.stringMatching(/^49\d{54}$/) as string,
        },
      },
      {
        ShardId: id(1),
        ParentShardId: id(0),
        HashKeyRange: { StartingHashKey: "0", EndingHashKey: String(HALF - 1n) },
        SequenceNumberRange: { StartingSequenceNumber: expect.any(String) as string },
      },
      {
        ShardId: id(2),
        ParentShardId: id(0),
        HashKeyRange: { StartingHashKey: String(HALF), EndingHashKey: String(HASH_KEY_MAX) },
        SequenceNumberRange: { StartingSequenceNumber: expect.any(String) as string },
      },
    ]);
  });

  test.each([0n, 1n, HASH_KEY_MAX, HASH_KEY_MAX + 5n])("at hash key %d is refused in AWS's words", async (at) => {
    await expect(split(0, at)).rejects.toMatchObject({
      code: "argument-invalid",
      message:
        `NewStartingHashKey ${at} used in SplitShard() on shard ${id(0)} in stream s under account 000000000000 is not ` +
        "both greater than one plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey " +
        `${HASH_KEY_MAX}.`,
    });
  });

  test.each([2n, HASH_KEY_MAX - 1n])("at hash key %d is taken", async (at) => {
    await split(0, at);
    expect(await list()).toEqual([0, 1, 2]);
  });

  test("of a shard that is closed, or not there, or of a stream that is not", async () => {
    await split();
    await expect(split(0, HALF)).rejects.toMatchObject({
      code: "argument-invalid",
      message: expect.stringContaining("has already been merged or split") as string,
    });
    await expect(split(3)).rejects.toMatchObject({
      code: "shard-not-found",
      message: `Could not find shard ${id(3)} in stream s under account 000000000000.`,
    });
    await expect(split(0, HALF, "t")).rejects.toMatchObject({ code: "stream-not-found" });
  });
});

describe("MergeShards", () => {
  test("makes one child of two neighbours, which tells both", async () => {
    await split();
    expect(await merge(1, 2)).toEqual({});
    const { Shards } = await it.call("ListShards", { StreamName: "s", ExclusiveStartShardId: id(2) });
    expect(Shards).toMatchObject([
      {
        ShardId: id(3),
        ParentShardId: id(1),
        AdjacentParentShardId: id(2),
        HashKeyRange: { StartingHashKey: "0", EndingHashKey: String(HASH_KEY_MAX) },
      },
    ]);
  });

  test.each([
    [3, 1],
    [1, 1],
    [1, 4],
  ])("of %d and %d, which are no neighbours in this order, is refused", async (left, right) => {
    await split();
    await split(2, HALF + 1000n);
    await expect(merge(left, right)).rejects.toMatchObject({
      code: "argument-invalid",
      message:
        `Shards ${id(left)} and ${id(right)} in stream s under account 000000000000 are not an adjacent pair of ` +
        "shards eligible for merging",
    });
  });
});

describe("UpdateShardCount", () => {
  test("answers the count before and the target", async () => {
    expect(await scale(2)).toMatchObject({ StreamName: "s", CurrentShardCount: 1, TargetShardCount: 2 });
    const { StreamDescriptionSummary } = await it.call("DescribeStreamSummary", { StreamName: "s" });
    expect(StreamDescriptionSummary).toMatchObject({ OpenShardCount: 2, StreamStatus: "ACTIVE" });
  });

  test("at most doubles and at least halves", async () => {
    await it.createStream("five", 5);
    await expect(scale(11, "five")).rejects.toMatchObject({
      code: "limit-exceeded",
      message:
        "UpdateShardCount cannot scale up over double your current open shard count. " +
        "Current open shard count: 5, Target shard count: 11",
    });
    await expect(scale(2, "five")).rejects.toMatchObject({
      code: "limit-exceeded",
      message: expect.stringContaining("cannot scale down below half") as string,
    });
    await scale(10, "five");
    await scale(5, "five");
    await scale(3, "five");
  });

  test("ten times in 24 hours; refusals do not count, the same count does", async () => {
    for (let i = 0; i < 10; i += 1) {
      await expect(scale(9)).rejects.toMatchObject({ code: "limit-exceeded" });
      await scale(1);
      it.clock.advance(1000);
    }
    await expect(scale(1)).rejects.toMatchObject({ code: "limit-exceeded" });
    it.clock.advance(DAY_MS - 10_000);
    await scale(1);
    await expect(scale(1)).rejects.toMatchObject({ code: "limit-exceeded" });
  });

  test("not over 10,000 shards", async () => {
    await it.createStream("big", 5001);
    await expect(scale(10_001, "big")).rejects.toMatchObject({
      code: "limit-exceeded",
      message: expect.stringContaining("cannot be greater than 10000") as string,
    });
  });

  test.each([{ TargetShardCount: 0 }, { TargetShardCount: 2, ScalingType: "OTHER" }])(
    "%j breaks a constraint",
    (more) =>
      expect(
        it.call("UpdateShardCount", { StreamName: "s", ScalingType: "UNIFORM_SCALING", ...more }),
      ).rejects.toMatchObject({ code: "constraint-violated" }),
  );
});

test("streams on demand scale by themselves: all three are ValidationExceptions", async () => {
  await createOnDemand();
  const merging = it.call("MergeShards", { StreamName: "auto", ShardToMerge: id(0), AdjacentShardToMerge: id(1) });
  for (const refused of [split(0, HALF, "auto"), scale(8, "auto"), merging]) {
    await expect(refused).rejects.toMatchObject({ code: "constraint-violated" });
  }
});

function child(number: number, start: bigint, end: bigint): object {
  return {
    ShardId: id(number),
    ParentShards: [id(0)],
    HashKeyRange: { StartingHashKey: String(start), EndingHashKey: String(end) },
  };
}

describe("a closed shard", () => {
  const numbers: string[] = [];
  const children = [child(1, 0n, HALF - 1n), child(2, HALF, HASH_KEY_MAX)];

  beforeEach(async () => {
    numbers.length = 0;
    for (const text of ["one", "two", "three"]) {
      numbers.push(await it.put("s", text));
      it.clock.advance(1000);
    }
    await split();
    it.clock.advance(1000);
  });

  test("is read to its end, which tells the children and gives no next iterator", async () => {
    const part = await it.call("GetRecords", {
      ShardIterator: await it.iterator("s", { ShardIteratorType: "TRIM_HORIZON" }),
      Limit: 2,
    });
    expect(texts(part)).toEqual(["one", "two"]);
    expect(part).toMatchObject({ MillisBehindLatest: 3000 });
    expect(part["ChildShards"]).toBeUndefined();
    const rest = await it.call("GetRecords", { ShardIterator: part["NextShardIterator"] });
    expect(texts(rest)).toEqual(["three"]);
    expect(rest).toMatchObject({ ChildShards: children, MillisBehindLatest: 0 });
    expect(rest["NextShardIterator"]).toBeUndefined();
  });

  test("tells its end to iterators of before, too", async () => {
    await split(1, 1n << 126n);
    const stale = await read(1, { ShardIteratorType: "LATEST" });
    expect(stale).toMatchObject({ Records: [], MillisBehindLatest: 0 });
    expect((stale["ChildShards"] as { ShardId: string }[]).map(({ ShardId }) => ShardId)).toEqual([id(3), id(4)]);
  });

  test.each<[string, () => object, string[]]>([
    ["TRIM_HORIZON", () => ({}), ["one", "two", "three"]],
    ["LATEST", () => ({}), []],
    ["AT_SEQUENCE_NUMBER", () => ({ StartingSequenceNumber: numbers[1] }), ["two", "three"]],
    ["AFTER_SEQUENCE_NUMBER", () => ({ StartingSequenceNumber: numbers[2] }), []],
    ["AT_TIMESTAMP", () => ({ Timestamp: (it.clock.now() - 2500) / 1000 }), ["three"]],
    ["AT_TIMESTAMP", () => ({ Timestamp: it.clock.now() / 1000 }), []],
  ])("is read from %s", async (ShardIteratorType, more, expected) => {
    const answer = await read(0, { ShardIteratorType, ...more() });
    expect(texts(answer)).toEqual(expected);
    expect(answer).toMatchObject({ ChildShards: children });
  });

  test("is read from its ending number, which is no record's, and from none beyond", async () => {
    const { Shards } = await it.call("ListShards", { StreamName: "s", MaxResults: 1 });
    const [{ SequenceNumberRange: range }] = Shards as [{ SequenceNumberRange: { EndingSequenceNumber: string } }];
    const end = range.EndingSequenceNumber;
    expect(end > (numbers[2] ?? "")).toBe(true);
    for (const ShardIteratorType of ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]) {
      expect(texts(await read(0, { ShardIteratorType, StartingSequenceNumber: end }))).toEqual([]);
      const beyond = end.replace(/3(0{5})(0{19})$/, "4$1$2");
      expect(beyond).not.toBe(end);
      await expect(read(0, { ShardIteratorType, StartingSequenceNumber: beyond })).rejects.toMatchObject({
        code: "argument-invalid",
      });
      await expect(read(1, { ShardIteratorType, StartingSequenceNumber: end })).rejects.toThrow(
        `It encodes ${id(0)}, while it was used in a call to a shard with ${id(1)}`,
      );
    }
  });

  test("gets no more records", async () => {
    const { ShardId } = await it.call("PutRecord", {
      StreamName: "s",
      PartitionKey: "k",
      ExplicitHashKey: "0",
      Data: base64("four"),
    });
    expect(ShardId).toBe(id(1));
    expect(texts(await read(0))).toEqual(["one", "two", "three"]);
    expect(texts(await read(1))).toEqual(["four"]);
  });

  test("loses its records to retention one by one, then goes itself", async () => {
    const { ShardIterator } = await it.call("GetShardIterator", {
      StreamName: "s",
      ShardId: id(0),
      ShardIteratorType: "TRIM_HORIZON",
    });
    expect(ShardIterator).toBeDefined();
    it.clock.advance(DAY_MS - 2000); // the third arrived 2 s before now, when the shard was 1 s older than its end
    expect(texts(await read(0))).toEqual(["three"]);
    it.clock.advance(1);
    const empty = await read(0);
    expect([texts(empty), empty["ChildShards"]]).toEqual([[], children]);
    it.clock.advance(999);
    expect(await list()).toEqual([0, 1, 2]);
    it.clock.advance(1);
    expect(await list()).toEqual([1, 2]);
    await expect(read(0)).rejects.toMatchObject({ code: "shard-not-found" });
  });
});

describe("ListShards, as its filters say", () => {
  let startMs: number;
  const at = (afterS: number): number => (startMs + afterS * 1000) / 1000;

  // 0 s: 0 | 10 s: 0 -> 1, 2 | 20 s: 1, 2 -> 3 | 30 s: 3 -> 4, 5 | now 40 s
  beforeEach(async () => {
    startMs = it.clock.now();
    const steps = [() => split(0), () => merge(1, 2), () => split(3)];
    for (const step of steps) {
      it.clock.advance(10_000);
      await step();
    }
    it.clock.advance(10_000);
  });

  test.each<[string, () => object | undefined, number[]]>([
    ["none", () => undefined, [0, 1, 2, 3, 4, 5]],
    ["FROM_TRIM_HORIZON", () => ({}), [0, 1, 2, 3, 4, 5]],
    ["AT_TRIM_HORIZON", () => ({}), [0]],
    ["AT_LATEST", () => ({}), [4, 5]],
    ["AFTER_SHARD_ID", () => ({ ShardId: id(2) }), [3, 4, 5]],
    ["AT_TIMESTAMP", () => ({ Timestamp: at(15) }), [1, 2]],
    ["AT_TIMESTAMP", () => ({ Timestamp: at(20) }), [1, 2, 3]],
    ["AT_TIMESTAMP", () => ({ Timestamp: at(40) }), [4, 5]],
    ["AT_TIMESTAMP", () => ({ Timestamp: at(-1000) }), [0]],
    ["FROM_TIMESTAMP", () => ({ Timestamp: at(15) }), [1, 2, 3, 4, 5]],
    ["FROM_TIMESTAMP", () => ({ Timestamp: at(25) }), [3, 4, 5]],
    ["FROM_TIMESTAMP", () => ({ Timestamp: at(40) }), [4, 5]],
    ["FROM_TIMESTAMP", () => ({ Timestamp: at(-1000) }), [0, 1, 2, 3, 4, 5]],
  ])("%s", async (Type, more, expected) => {
    const options = more();
    expect(await list(options === undefined ? {} : { ShardFilter: { Type, ...options } })).toEqual(expected);
  });

  test("as retention passes", async () => {
    it.clock.advance(DAY_MS - 25_000); // the trim horizon is at 15 s
    const atHorizon = { ShardFilter: { Type: "AT_TRIM_HORIZON" } };
    expect(await list()).toEqual([1, 2, 3, 4, 5]);
    expect(await list(atHorizon)).toEqual([1, 2]);
    await it.context.service.trim();
    it.clock.advance(10_000);
    expect(await list()).toEqual([3, 4, 5]);
    expect(await list(atHorizon)).toEqual([3]);
    expect(await list({ ShardFilter: { Type: "AT_TIMESTAMP", Timestamp: at(5) } })).toEqual([3]);
  });

  test("page by page, with what was filtered", async () => {
    const ShardFilter = { Type: "FROM_TIMESTAMP", Timestamp: at(15) };
    const first = await it.call("ListShards", { StreamName: "s", ShardFilter, MaxResults: 2 });
    expect(first["Shards"]).toMatchObject([{ ShardId: id(1) }, { ShardId: id(2) }]);
    const { NextToken } = first;
    await expect(it.call("ListShards", { NextToken, ShardFilter })).rejects.toThrow("cannot be provided together");
    const { Shards, NextToken: last } = await it.call("ListShards", { NextToken });
    expect(Shards).toMatchObject([{ ShardId: id(3) }, { ShardId: id(4) }, { ShardId: id(5) }]);
    expect(last).toBeUndefined();
  });

  test.each([
    [{ Type: "AT_LATEST", ShardId: id(0) }, "ShardId must not be specified for ShardFilter type AT_LATEST."],
    [{ Type: "AFTER_SHARD_ID" }, "ShardId must be specified for ShardFilter type AFTER_SHARD_ID."],
    [
      { Type: "AT_TRIM_HORIZON", Timestamp: 1 },
      "Timestamp must not be specified for ShardFilter type AT_TRIM_HORIZON.",
    ],
  ])("%j is refused", async (ShardFilter, message) => {
    await expect(list({ ShardFilter })).rejects.toMatchObject({ code: "argument-invalid", message });
  });

  test("only of the stream that was made at the time given", async () => {
    const { StreamDescriptionSummary } = await it.call("DescribeStreamSummary", { StreamName: "s" });
    const { StreamCreationTimestamp: made } = StreamDescriptionSummary as { StreamCreationTimestamp: Date };
    expect(await list({ StreamCreationTimestamp: made.getTime() / 1000 })).toHaveLength(6);
    await expect(list({ StreamCreationTimestamp: made.getTime() / 1000 - 1 })).rejects.toMatchObject({
      code: "stream-not-found",
    });
  });
});
