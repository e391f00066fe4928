import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestService, texts } from "../testing/test-service.js";

const STEP_MS = 1000;
let it: TestService;
let startMs: number;
const numbers: string[] = [];

beforeEach(async () => {
  it = await TestService.start();
  await it.createStream("s", 2);
  await it.createStream("other", 1);
  startMs = it.clock.now();
  numbers.length = 0;
  // They arrive at 0, 1, 2 and 3 s.
  for (const text of ["one", "two", "three", "four"]) {
    numbers.push(await it.put("s", text));
    it.clock.advance(STEP_MS);
  }
});
afterEach(() => it.close());

async function readFrom(start: Record<string, unknown>): Promise<string[]> {
  return texts(await it.call("GetRecords", { ShardIterator: await it.iterator("s", start) }));
}

describe("where each type begins", () => {
  test("TRIM_HORIZON: the oldest record", async () => {
    expect(await readFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["one", "two", "three", "four"]);
  });

  test("LATEST: whatever comes next", async () => {
    const ShardIterator = await it.iterator("s", { ShardIteratorType: "LATEST" });
    await it.put("s", "five");
    expect(texts(await it.call("GetRecords", { ShardIterator }))).toEqual(["five"]);
  });

  test("AT_SEQUENCE_NUMBER: that record", async () => {
    const start = { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: numbers[2] };
    expect(await readFrom(start)).toEqual(["three", "four"]);
  });

  test("AFTER_SEQUENCE_NUMBER: the one behind it", async () => {
    const start = { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: numbers[2] };
    expect(await readFrom(start)).toEqual(["four"]);
    expect(await readFrom({ ...start, StartingSequenceNumber: numbers[3] })).toEqual([]);
  });

  test.each([
    [0, ["one", "two", "three", "four"]],
    [STEP_MS, ["two", "three", "four"]],
    [STEP_MS + 1, ["three", "four"]],
    [4 * STEP_MS, []],
    [-1e9, ["one", "two", "three", "four"]],
  ])("AT_TIMESTAMP %d ms after the first: the first record that arrived then or later", async (afterMs, expected) => {
    const Timestamp = (startMs + afterMs) / 1000;
    expect(await readFrom({ ShardIteratorType: "AT_TIMESTAMP", Timestamp })).toEqual(expected);
  });

  test("the shard's starting sequence number counts as one, so that a reader may begin there", async () => {
    const { Shards } = await it.call("ListShards", { StreamName: "s" });
    const [{ SequenceNumberRange }] = Shards as [{ SequenceNumberRange: { StartingSequenceNumber: string } }];
    const start = { ShardIteratorType: "AT_SEQUENCE_NUMBER", ...SequenceNumberRange };
    expect(await readFrom(start)).toEqual(["one", "two", "three", "four"]);
  });

  test("as with AWS, a shard's number is as good as its id", async () => {
    const ShardIterator = await it.iterator("s", { ShardId: "0", ShardIteratorType: "TRIM_HORIZON" });
    expect(texts(await it.call("GetRecords", { ShardIterator }))).toHaveLength(4);
  });
});

describe("refusals", () => {
  test.each([
    [{ ShardIteratorType: "AT_SEQUENCE_NUMBER" }, "argument-invalid", /Request specified AT_SEQUENCE_NUMBER and no/],
    [{ ShardIteratorType: "LATEST", StartingSequenceNumber: "1" }, "argument-invalid", /LATEST and also a Starting/],
    [{ ShardIteratorType: "AT_TIMESTAMP" }, "argument-invalid", /no timestamp parameter/],
    [{ ShardIteratorType: "AT_TIMESTAMP", Timestamp: 4e9 }, "argument-invalid", /cannot be greater than the current/],
    [{ ShardIteratorType: "AT_TIMESTAMP", Timestamp: 1e300 }, "body-malformed", /out of range/],
    [{ ShardIteratorType: "AT_TIMESTAMP", Timestamp: -1e300 }, "body-malformed", /out of range/],
    [{ ShardIteratorType: "FIRST" }, "constraint-violated", /enum value set/],
    [
      { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: "49" },
      "argument-invalid",
      /encodes shardId-0+49,/,
    ],
    [
      { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: "0" },
      "argument-invalid",
      /not come from this/,
    ],
    [
      { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: "9".repeat(60) },
      "argument-invalid",
      /is invalid\.$/,
    ],
    [{ ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: "1x" }, "constraint-violated", /pattern/],
    [{ ShardId: "shardId-000000000002", ShardIteratorType: "LATEST" }, "shard-not-found", /000000000002 in stream s/],
    [{ ShardId: "nonsense", ShardIteratorType: "LATEST" }, "shard-not-found", /Could not find shard nonsense/],
  ])("%j", async (start, code, message) => {
    await expect(it.iterator("s", start)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  test("a number of another shard, of another stream, or from the future", async () => {
    const at = (StartingSequenceNumber: string, more = {}): Promise<string> =>
      it.iterator("s", { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber, ...more });
    await expect(at(numbers[0] ?? "", { ShardId: "shardId-000000000001" })).rejects.toThrow(
      "Invalid StartingSequenceNumber. It encodes shardId-000000000000",
    );
    await expect(at(await it.put("other", "x"))).rejects.toThrow("because it did not come from this stream");
    const future = (numbers[3] ?? "").replace(/3(0{5})(0{19})$/, "9$1$2");
    expect(future).not.toBe(numbers[3]);
    await expect(at(future)).rejects.toMatchObject({ code: "argument-invalid" });
  });
});
