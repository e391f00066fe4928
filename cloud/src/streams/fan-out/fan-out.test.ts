import { LogError } from "@headwater/log";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AnswerEvent, EventStreamAnswer } from "../../codec/event-stream-answer.js";
import { type Answer, TestService, texts } from "../../testing/test-service.js";

const SHARD = "shardId-000000000000";
let it: TestService;
let consumer: string;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  it = await TestService.start();
  await it.createStream("s");
  consumer = await register("one");
});
afterEach(async () => {
  it.context.fanOut.stop();
  await it.close();
  vi.useRealTimers();
});

async function register(ConsumerName: string, stream = "s"): Promise<string> {
  const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`;
  const { Consumer } = await it.call("RegisterStreamConsumer", { StreamARN, ConsumerName });
  return (Consumer as { ConsumerARN: string }).ConsumerARN;
}

interface Reader {
  /** Resolves with the next event, or undefined at the end. @throws what ends the subscription. */
  next(): Promise<Answer | undefined>;
  readonly answer: EventStreamAnswer;
}

async function subscribe(start: object = { Type: "TRIM_HORIZON" }, more: object = {}): Promise<Reader> {
  const answer = await it.subscribe({ ConsumerARN: consumer, ShardId: SHARD, StartingPosition: start, ...more });
  const events = answer.events[Symbol.asyncIterator]();
  const next = async (): Promise<Answer | undefined> => {
    const { value, done } = await events.next();
    return done === true ? undefined : membersOf(value);
  };
  return { next, answer };
}

function membersOf({ content }: AnswerEvent): Answer {
  return content.toValues() as Answer;
}

/** What comes next, while the time passes that it takes. */
async function afterMs(ms: number, coming: Promise<Answer | undefined>): Promise<Answer | undefined> {
  await vi.advanceTimersByTimeAsync(ms);
  return coming;
}

/** Whether it has settled by now. */
async function isSettled(coming: Promise<unknown>): Promise<boolean> {
  let settled = false;
  coming.then(
    () => (settled = true),
    () => (settled = true),
  );
  await vi.advanceTimersByTimeAsync(0);
  return settled;
}

/** With what the next event is refused. */
function endOf(reader: Reader): Promise<unknown> {
  return reader.next().then(
    () => undefined,
    (error: unknown) => error,
  );
}

const seen = (event: Answer | undefined): string[] => texts(event ?? { Records: [] });

describe("a subscription", () => {
  test("is sent what is there, then what comes, at once", async () => {
    await it.put("s", "one");
    const reader = await subscribe();
    expect(seen(await reader.next())).toEqual(["one"]);
    const coming = reader.next();
    expect(await isSettled(coming)).toBe(false);
    await it.put("s", "two");
    expect(await coming).toMatchObject({ MillisBehindLatest: 0 });
    expect(seen(await coming)).toEqual(["two"]);
  });

  test("begins where it is told", async () => {
    const numbers: string[] = [];
    const beganMs = it.clock.now();
    for (const text of ["one", "two", "three"]) {
      numbers.push(await it.put("s", text));
      it.clock.advance(1000);
    }
    const starts: [object, string[]][] = [
      [{ Type: "TRIM_HORIZON" }, ["one", "two", "three"]],
      [{ Type: "AT_SEQUENCE_NUMBER", SequenceNumber: numbers[1] }, ["two", "three"]],
      [{ Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: numbers[1] }, ["three"]],
      [{ Type: "AT_TIMESTAMP", Timestamp: beganMs / 1000 + 1.5 }, ["three"]],
    ];
    for (const [start, expected] of starts) {
      expect(seen(await (await subscribe(start)).next())).toEqual(expected);
      await vi.advanceTimersByTimeAsync(5000);
    }
    const latest = await subscribe({ Type: "LATEST" });
    const coming = latest.next();
    await it.put("s", "four");
    expect(seen(await coming)).toEqual(["four"]);
  });

  test("says every 5 s that nothing came, and where it stands", async () => {
    const reader = await subscribe();
    const silent = reader.next();
    await vi.advanceTimersByTimeAsync(4999);
    expect(await isSettled(silent)).toBe(false);
    expect(await afterMs(1, silent)).toMatchObject({ Records: [], MillisBehindLatest: 0 });
    expect((await silent)?.["ContinuationSequenceNumber"]).toMatch(/^4\d{55}$/);
  });

  test("waits for records once, however long none come, and no longer than it holds", async () => {
    const grown = vi.spyOn(it.log, "grown");
    const reader = await subscribe();
    for (let i = 0; i < 3; i++) expect(seen(await afterMs(5000, reader.next()))).toEqual([]);
    const coming = reader.next();
    await it.put("s", "one");
    expect(seen(await coming)).toEqual(["one"]);
    expect(grown).toHaveBeenCalledTimes(1);
    const late = reader.next();
    expect(await isSettled(late)).toBe(false);
    reader.answer.abandon("left");
    expect(await late).toBeUndefined();
    const [, position, signal] = grown.mock.lastCall ?? [];
    expect([position, signal?.aborted]).toEqual([1, true]);
  });

  test.each(["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"])(
    "can be gone on with %s its continuation, neither missing nor repeating a record",
    async (Type) => {
      const reader = await subscribe();
      const empty = await afterMs(5000, reader.next());
      await it.put("s", "one");
      const one = await reader.next();
      await it.put("s", "two");
      for (const [event, expected] of [
        [empty, ["one", "two"]],
        [one, ["two"]],
      ] as const) {
        await vi.advanceTimersByTimeAsync(5000);
        const again = await subscribe({ Type, SequenceNumber: event?.["ContinuationSequenceNumber"] });
        expect(seen(await again.next())).toEqual(expected);
      }
    },
  );

  test("ends after 5 minutes", async () => {
    const reader = await subscribe();
    for (let i = 1; i < 60; i++) expect(seen(await afterMs(5000, reader.next()))).toEqual([]);
    const last = reader.next();
    await vi.advanceTimersByTimeAsync(4999);
    expect(await isSettled(last)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    // At the same moment its time is over and an event is due.
    expect((await last) === undefined || (await reader.next()) === undefined).toBe(true);
    expect(it.counted.ends).toEqual(["expired"]);
  });

  test("ends when the cloud stops", async () => {
    const reader = await subscribe();
    const coming = reader.next();
    it.context.fanOut.stop();
    expect(await coming).toBeUndefined();
    expect(it.counted.ends).toEqual(["stopping"]);
    const ConsumerARN = await register("late");
    await expect(subscribe(undefined, { ConsumerARN })).rejects.toMatchObject({ code: "server-stopping" });
  });

  test("ends when its client leaves, whether or not it waits", async () => {
    const reader = await subscribe();
    const coming = reader.next();
    reader.answer.abandon("left");
    expect(await coming).toBeUndefined();
    expect([it.counted.ends, it.context.fanOut.open]).toEqual([["left"], 0]);
  });

  test("holds what an event may hold at most, and tells how far behind it is", async () => {
    const text = "x".repeat(100_000);
    for (let i = 0; i < 8; i++) {
      await it.put("s", text);
      it.clock.advance(1000);
    }
    const reader = await subscribe();
    const [first, second] = [await reader.next(), await reader.next()];
    expect([seen(first).length, seen(second).length]).toEqual([2, 2]);
    expect([first?.["MillisBehindLatest"], second?.["MillisBehindLatest"]]).toEqual([7000, 5000]);
  });

  test("is never sent an expired record", async () => {
    await it.put("s", "old");
    it.clock.advance(1000);
    await it.put("s", "new");
    const reader = await subscribe();
    it.clock.advance(24 * 3_600_000 - 999);
    expect(seen(await reader.next())).toEqual(["new"]);
  });
});

describe("a consumer", () => {
  test("may subscribe to a shard once in 5 s; then the new subscription takes over", async () => {
    const first = await subscribe();
    const coming = first.next();
    await vi.advanceTimersByTimeAsync(4999);
    await expect(subscribe()).rejects.toMatchObject({
      code: "consumer-busy",
      message: "Another active subscription exists for this consumer: 000000000000:s:shardId-000000000000:one",
    });
    await vi.advanceTimersByTimeAsync(1);
    const second = await subscribe();
    await coming; // the event that was due
    await expect(first.next()).rejects.toMatchObject({ code: "consumer-busy" });
    await it.put("s", "one");
    expect(seen(await second.next())).toEqual(["one"]);
    expect([it.counted.ends, it.context.fanOut.open]).toEqual([["taken-over"], 1]);
  });

  test("may subscribe with others, and to other shards, at the same time", async () => {
    await it.createStream("wide", 2);
    const [a, b] = [await register("a", "wide"), await register("b", "wide")];
    for (const ConsumerARN of [a, b]) {
      for (const ShardId of [SHARD, "shardId-000000000001"]) await subscribe(undefined, { ConsumerARN, ShardId });
    }
    expect(it.context.fanOut.open).toBe(4);
  });

  test("that is deregistered is told so", async () => {
    const reader = await subscribe();
    const coming = endOf(reader);
    await it.call("DeregisterStreamConsumer", { ConsumerARN: consumer });
    expect(await coming).toMatchObject({ code: "consumer-not-found" });
    expect(it.counted.ends).toEqual(["consumer-deregistered"]);
    await expect(subscribe()).rejects.toMatchObject({ code: "consumer-not-found" });
    // Of the same name, in the same second: with the same ARN.
    expect(await register("one")).toBe(consumer);
    await subscribe();
  });

  test("is told that its stream was deleted", async () => {
    const reader = await subscribe();
    const coming = endOf(reader);
    await expect(it.call("DeleteStream", { StreamName: "s" })).rejects.toMatchObject({ code: "stream-busy" });
    await it.call("DeleteStream", { StreamName: "s", EnforceConsumerDeletion: true });
    expect(await coming).toMatchObject({ code: "stream-not-found" });
    expect(it.counted.ends).toEqual(["stream-deleted"]);
  });
});

test.each<[string, object, string]>([
  [
    "a number where there must be none",
    { StartingPosition: { Type: "LATEST", SequenceNumber: "1" } },
    "argument-invalid",
  ],
  ["no number where there must be one", { StartingPosition: { Type: "AT_SEQUENCE_NUMBER" } }, "argument-invalid"],
  ["a time to come", { StartingPosition: { Type: "AT_TIMESTAMP", Timestamp: 4e9 } }, "argument-invalid"],
  ["another type", { StartingPosition: { Type: "FIRST" } }, "constraint-violated"],
  ["no starting position", { StartingPosition: null }, "constraint-violated"],
  ["another shard", { ShardId: "shardId-000000000009" }, "shard-not-found"],
  [
    "another consumer",
    { ConsumerARN: `arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/x:1` },
    "consumer-not-found",
  ],
  ["no consumer", { ConsumerARN: "one" }, "constraint-violated"],
  ["a dry run", { DryRun: true }, "dry-run"],
])("%s is refused, and counts for no subscription", async (_, more, code) => {
  await expect(subscribe(undefined, more)).rejects.toMatchObject({ code });
  await subscribe();
});

test("a consumer is sent 2 MiB a second, whatever others are sent", async () => {
  await it.close();
  it = await TestService.start({ limited: true });
  await it.createStream("s");
  const text = "x".repeat(500_000);
  for (let i = 0; i < 16; i++) {
    await it.put("s", text); // 1 MiB a second may come in
    it.clock.advance(1000);
  }
  let received = 0;
  const readAll = async (reader: Reader): Promise<void> => {
    for (let event = await reader.next(); event !== undefined; event = await reader.next()) {
      received += seen(event).join("").length;
    }
  };
  for (const name of ["one", "two"]) {
    void readAll(await subscribe(undefined, { ConsumerARN: await register(name) }));
  }
  const perConsumer: number[] = [];
  for (let second = 0; second < 3; second++) {
    await vi.advanceTimersByTimeAsync(second === 0 ? 0 : 1000);
    perConsumer.push(received / 2 / 1_048_576);
  }
  // What is in hand at the start, then 2 MiB a second; one event may go over.
  for (const [second, mebibytes] of perConsumer.entries()) {
    expect(mebibytes).toBeGreaterThan(2 + 2 * second - 0.01);
    expect(mebibytes).toBeLessThan(2 + 2 * second + 0.5);
  }
});

test("a disk that fails ends subscriptions with an error", async () => {
  await it.put("s", "one");
  const reader = await subscribe();
  vi.spyOn(it.log, "read").mockRejectedValue(new LogError("disk-failed", "EIO"));
  await expect(reader.next()).rejects.toMatchObject({ code: "disk-failed" });
  expect(it.counted.ends).toEqual(["failed"]);
});

test("a log that closes ends subscriptions as the cloud does", async () => {
  await it.put("s", "one");
  const reader = await subscribe();
  vi.spyOn(it.log, "read").mockRejectedValue(new LogError("closed", "the log is closed"));
  expect(await reader.next()).toBeUndefined();
  expect(it.counted.ends).toEqual(["stopping"]);
});

describe("a reshard", () => {
  test("ends the subscription with the children, when all records have been sent", async () => {
    const text = "x".repeat(200_000);
    for (let i = 0; i < 3; i++) await it.put("s", text);
    const reader = await subscribe();
    expect(seen(await reader.next())).toEqual([text]);
    await it.call("SplitShard", { StreamName: "s", ShardToSplit: SHARD, NewStartingHashKey: String(2n ** 127n) });
    for (let i = 0; i < 2; i++) expect(seen(await reader.next())).toEqual([text]);
    const end = await reader.next();
    expect(end).toMatchObject({
      Records: [],
      MillisBehindLatest: 0,
      ChildShards: [
        { ShardId: "shardId-000000000001", ParentShards: [SHARD] },
        { ShardId: "shardId-000000000002", ParentShards: [SHARD] },
      ],
    });
    expect(end).not.toHaveProperty("ContinuationSequenceNumber");
    expect(await reader.next()).toBeUndefined();
    expect(it.counted.ends).toEqual(["shard-ended"]);
  });

  test("wakes who waits at the shard's end", async () => {
    const reader = await subscribe();
    const coming = reader.next();
    await it.call("SplitShard", { StreamName: "s", ShardToSplit: SHARD, NewStartingHashKey: "7" });
    expect((await coming)?.["ChildShards"]).toHaveLength(2);
  });

  test("is told also where retention has passed the closed shard meanwhile", async () => {
    await it.put("s", "old");
    const reader = await subscribe();
    await it.call("SplitShard", { StreamName: "s", ShardToSplit: SHARD, NewStartingHashKey: "7" });
    it.clock.advance(25 * 3_600_000);
    await it.context.service.trim();
    const end = await reader.next();
    expect(seen(end)).toEqual([]);
    expect(end?.["ChildShards"]).toHaveLength(2);
  });

  test("is told also where the closed shard goes while it is read", async () => {
    await it.put("s", "old");
    const reader = await subscribe();
    await it.call("SplitShard", { StreamName: "s", ShardToSplit: SHARD, NewStartingHashKey: "7" });
    vi.spyOn(it.log, "read").mockImplementationOnce(async () => {
      it.clock.advance(25 * 3_600_000);
      await it.context.service.trim();
      throw new LogError("no-such-shard", "it is gone");
    });
    expect((await reader.next())?.["ChildShards"]).toHaveLength(2);
  });
});
