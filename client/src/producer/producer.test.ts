import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ClientError } from "../client-error.js";
import { ProducerWorld } from "../testing/producer-world.js";
import { Producer } from "./producer.js";
import type { PutAcknowledgement } from "./queued-put.js";

test("a put resolves with the place of its record", async () => {
  const { kinesis, producer, ...world } = new ProducerWorld(2);
  const stored = producer.put({ partitionKey: "k", data: "hello" });
  await new Promise(setImmediate);
  const clock = world.clock;
  await clock.pass(100);
  const { shardId, sequenceNumber, subSequenceNumber } = await stored;
  const shard = kinesis.shards.find((one) => one.shardId === shardId);
  expect(shard?.records).toMatchObject([{ sequenceNumber, partitionKey: "k" }]);
  expect(subSequenceNumber).toBe(0);
});

test("records that come together go together, a request at a time for each shard", async () => {
  const world = new ProducerWorld(2);
  const puts = Array.from({ length: 2_000 }, (_, i) => world.producer.put({ partitionKey: `k${i}`, data: `${i}` }));
  await world.settled(Promise.all(puts));
  expect(world.puts).toBeLessThanOrEqual(6);
  expect(world.kinesis.violations).toEqual([]);
  expect(world.producer.bufferedBytes).toBe(0);
});

test("an answer that is lost: the request is repeated under its name and stored once", async () => {
  const world = new ProducerWorld(1);
  let losses = 3;
  world.kinesis.afterPut = () => {
    if (losses-- > 0) throw new ClientError("unreachable", "the answer was lost");
  };
  await world.settled(Promise.all(["a", "b", "c"].map((data) => world.producer.put({ partitionKey: "k", data }))));
  expect(world.storedByKey().get("k")).toEqual(["a", "b", "c"]);
  expect(world.failures).toEqual(["unreachable", "unreachable", "unreachable"]);
});

test("what is rejected goes before what came later", async () => {
  const world = new ProducerWorld(1);
  let rejections = 2;
  world.kinesis.rejectFrom = () => (rejections-- > 0 ? 1 : Number.POSITIVE_INFINITY);
  const first = ["a", "b", "c"].map((data) => world.producer.put({ partitionKey: "k", data }));
  await world.clock.pass(30);
  const later = world.producer.put({ partitionKey: "k", data: "d" });
  await world.settled(Promise.all([...first, later]));
  // Of two entries, twice.
  expect(world.failures).toEqual(["throttled", "throttled"]);
  expect(world.storedByKey().get("k")).toEqual(["a", "b", "c", "d"]);
});

test("one record that is refused fails alone", async () => {
  const world = new ProducerWorld(1);
  const put = world.kinesis.putRecords.bind(world.kinesis);
  world.kinesis.putRecords = async (stream, entries, name, signal) => {
    if (entries.some(({ data }) => Buffer.from(data).toString() === "bad")) {
      await world.clock.sleep(1, signal);
      throw new ClientError("refused", "ValidationException");
    }
    return await put(stream, entries, name, signal);
  };
  const outcomes = await world.settled(
    Promise.allSettled(["a", "b", "bad", "c", "d"].map((data) => world.producer.put({ partitionKey: "k", data }))),
  );
  expect(outcomes.map(({ status }) => status)).toEqual([
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  expect(world.storedByKey().get("k")).toEqual(["a", "b", "c", "d"]);
});

test("full memory: puts wait for room, in order, or fail", async () => {
  const waiting = new ProducerWorld(1, { bufferBytesMax: 2_000 });
  const puts = Array.from({ length: 50 }, (_, i) => waiting.producer.put({ partitionKey: "k", data: `${i}` }));
  expect(waiting.producer.bufferedBytes).toBeLessThanOrEqual(2_000);
  await waiting.settled(Promise.all(puts));
  expect(waiting.storedByKey().get("k")).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
  const rejecting = new ProducerWorld(1, { bufferBytesMax: 2_000, onFull: "reject" });
  const outcomes = await rejecting.settled(
    Promise.allSettled(Array.from({ length: 50 }, () => rejecting.producer.put({ partitionKey: "k", data: "x" }))),
  );
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(7);
  expect(outcomes.at(-1)).toMatchObject({ reason: { code: "buffer-full", retriable: true } });
});

test("what is not acknowledged in time fails, and the next goes on", async () => {
  const world = new ProducerWorld(1, { deliverWithinMs: 5_000 });
  world.kinesis.fault = (call) => {
    if (call === "putRecords") throw new ClientError("unreachable", "down");
  };
  const put = world.producer.put({ partitionKey: "k", data: "x" });
  await expect(world.settled(put)).rejects.toMatchObject({ code: "timed-out" });
  expect(world.clock.monotonicMs()).toBeLessThan(12_000);
  world.kinesis.fault = () => undefined;
  await world.settled(world.producer.put({ partitionKey: "k", data: "y" }));
  expect(world.storedByKey().get("k")).toEqual(["y"]);
});

test("no stream: its puts fail, and do not when it is there", async () => {
  const world = new ProducerWorld(1);
  world.kinesis.fault = () => {
    throw new ClientError("not-found", "ResourceNotFoundException");
  };
  await expect(world.settled(world.producer.put({ partitionKey: "k", data: "x" }))).rejects.toMatchObject({
    code: "not-found",
  });
  world.kinesis.fault = () => undefined;
  await world.settled(world.producer.put({ partitionKey: "k", data: "y" }));
});

test("flush does not linger, and close takes no more", async () => {
  const world = new ProducerWorld(1, { lingerMs: 60_000 });
  const put = world.producer.put({ partitionKey: "k", data: "x" });
  await world.clock.pass(1_000);
  expect(world.puts).toBe(0);
  await world.settled(world.producer.flush(), 1_000);
  await put;
  await world.settled(world.producer.close());
  await expect(world.producer.put({ partitionKey: "k", data: "y" })).rejects.toMatchObject({ code: "closed" });
});

test("close gives up what is left once its signal says so", async () => {
  const world = new ProducerWorld(1);
  world.kinesis.fault = () => {
    throw new ClientError("unreachable", "down");
  };
  const stop = new AbortController();
  const outcomes = Promise.allSettled([
    world.producer.put({ partitionKey: "k", data: "x" }),
    world.producer.close(stop.signal),
  ]);
  await world.clock.pass(1_000);
  stop.abort(new Error("enough"));
  expect(await outcomes).toMatchObject([{ reason: { code: "closed" } }, { reason: { message: "enough" } }]);
});

test.each<[string, Parameters<Producer["put"]>[0]]>([
  ["invalid-options", { partitionKey: "", data: "" }],
  ["invalid-options", { partitionKey: "ü".repeat(257), data: "" }],
  ["invalid-options", { partitionKey: "k", explicitHashKey: "-1", data: "" }],
  ["invalid-options", { partitionKey: "k", explicitHashKey: String(1n << 128n), data: "" }],
  ["invalid-options", { stream: "", partitionKey: "k", data: "" }],
  ["invalid-options", { data: "x" } as never],
  ["invalid-options", { partitionKey: "k" } as never],
  ["invalid-options", { partitionKey: "k", data: { total: 42 } } as never],
  ["too-large", { partitionKey: "k", data: new Uint8Array(10 * 1024 * 1024 + 1) }],
])("%s: a put that cannot be", async (code, input) => {
  await expect(new ProducerWorld(1).producer.put(input)).rejects.toMatchObject({ code });
});

test("options that cannot be are named", () => {
  expect(() => new Producer({ id: "not an id", lingerMs: -1 })).toThrow(/id is "not an id"; lingerMs is -1/);
});

test.each([false, true])(
  "reshards, rejections and lost answers: every record once, in order per key (aggregate %s)",
  (aggregate) =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("none", "none", "reject", "lose", "lose request", "split", "merge"), {
          maxLength: 30,
        }),
        fc.integer({ min: 1, max: 3 }),
        async (script, shards) => {
          const world = new ProducerWorld(shards, { aggregate, batchRecordsMax: 7, lingerMs: 2 });
          const { kinesis } = world;
          let step = 0;
          const happens = (what: string): boolean =>
            script[step % Math.max(1, script.length)] === what && step < script.length;
          kinesis.fault = (call) => {
            if (call !== "putRecords") return;
            step++;
            const [first, second] = kinesis.openByHash;
            if (happens("split") && first !== undefined) kinesis.split(first.shardId);
            if (happens("merge") && first && second) kinesis.merge(first.shardId, second.shardId);
            if (happens("lose request")) throw new ClientError("unreachable", "the request was lost");
          };
          kinesis.rejectFrom = () => (happens("reject") ? 2 : Number.POSITIVE_INFINITY);
          kinesis.afterPut = () => {
            if (happens("lose")) throw new ClientError("unreachable", "the answer was lost");
          };
          const puts: Promise<PutAcknowledgement>[] = [];
          for (let i = 0; i < 120; i++) {
            puts.push(world.producer.put({ partitionKey: `k${i % 11}`, data: `${i}` }));
            if (i % 10 === 0) await world.clock.pass(3);
          }
          await world.settled(Promise.all(puts));
          const stored = world.storedByKey();
          for (let k = 0; k < 11; k++) {
            const expected = Array.from({ length: 120 }, (_, i) => i).filter((i) => i % 11 === k);
            expect(stored.get(`k${k}`)?.map(Number)).toEqual(expected);
          }
          expect(kinesis.violations).toEqual([]);
          await world.producer.close();
        },
      ),
      { numRuns: 60 },
    ),
);
