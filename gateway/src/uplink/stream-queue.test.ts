import { evenHashKeyRanges } from "@headwater/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Batch, type QueuedRecord, StreamQueue } from "./stream-queue.js";

const shards = evenHashKeyRanges(3).map((range, i) => ({ ...range, shardId: `shard-${i}` }));
const limits = { batchRecordsMax: 4, batchBytesMax: 100, windowBytesMax: 200, aheadMax: 30 };

/** A record that goes to the given shard. */
function record(position: number, shard: number, bytes = 10): QueuedRecord {
  const hashKey = shards[shard % 3]?.startingHashKey ?? 0n;
  return { position, partitionKey: "k", data: Buffer.alloc(bytes), hashKey };
}

function expectAllowed(taken: Batch | undefined, isBusy: boolean): void {
  expect(taken === undefined || !isBusy, "one request at a time").toBe(true);
  expect(taken?.records.length ?? 0).toBeLessThanOrEqual(limits.batchRecordsMax);
}

function positions(batch: Batch | undefined): number[] | undefined {
  return batch?.records.map(({ position }) => position);
}

test("one request for each shard at a time, and nothing overtakes what was rejected", () => {
  const queue = new StreamQueue(shards, 0, new Set(), limits);
  queue.offer([record(0, 0), record(1, 1), record(2, 0), record(3, 0)], 4);
  const first = queue.take("shard-0");
  expect(positions(first)).toEqual([0, 2, 3]);
  expect(queue.take("shard-0")).toBeUndefined();
  expect(positions(queue.take("shard-1"))).toEqual([1]);
  expect(queue.take("shard-2")).toBeUndefined();
  if (first === undefined) throw new Error("no request");
  queue.offer([record(4, 0)], 5);
  queue.settle(first, [1, 2]);
  queue.recorded("shard-0");
  expect(positions(queue.take("shard-0"))).toEqual([2, 3, 4]);
});

test("nothing is released before its answer is on disk, whichever shard answers first", () => {
  const queue = new StreamQueue(shards, 0, new Set(), limits);
  queue.offer([record(0, 0), record(1, 1), record(2, 2)], 3);
  const [a, b] = [queue.take("shard-0"), queue.take("shard-1")];
  if (a === undefined || b === undefined) throw new Error("no requests");
  expect(queue.settle(b, [])).toBe(0);
  queue.recorded("shard-1");
  expect(queue.released()).toBe(0);
  expect(queue.settle(a, []), "what its own record will release").toBe(2);
  expect(queue.released(), "while it is not recorded").toBe(0);
  queue.recorded("shard-0");
  expect(queue.released()).toBe(2);
});

test("a request that is refused as a whole is halved until the one to blame is alone", () => {
  const queue = new StreamQueue(shards, 0, new Set(), limits);
  queue.offer([record(0, 0), record(1, 0), record(2, 0), record(3, 0)], 4);
  const sizes: number[] = [];
  for (;;) {
    const batch = queue.take("shard-0");
    if (batch === undefined) break;
    sizes.push(batch.records.length);
    // Position 1 is the bad one.
    const isBad = batch.records.some(({ position }) => position === 1);
    if (isBad && queue.halve(batch)) {
      queue.settle(
        batch,
        batch.records.map((_, i) => i),
      );
    } else {
      queue.settle(batch, []);
      queue.grow("shard-0");
    }
    queue.recorded("shard-0");
  }
  expect(sizes).toEqual([4, 2, 1, 2, 1, 2]);
  expect(queue.released()).toBe(4);
});

test("a record larger than a request's limit goes alone", () => {
  const queue = new StreamQueue(shards, 0, new Set(), limits);
  queue.offer([record(0, 0, 150), record(1, 0)], 2);
  expect(positions(queue.take("shard-0"))).toEqual([0]);
});

test("property: all is delivered once and in order for each shard; limits hold; what is released is recorded", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("offer" as const), shard: fc.nat(2), bytes: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ do: fc.constant("take" as const), shard: fc.nat(2) }),
    fc.record({ do: fc.constant("settle" as const), shard: fc.nat(2), keep: fc.nat(4) }),
    fc.record({ do: fc.constant("record" as const), shard: fc.nat(2) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.uniqueArray(fc.nat(20)), (steps, doneBefore) => {
      const done = new Set(doneBefore);
      const queue = new StreamQueue(shards, 0, done, limits);
      const inFlight = new Map<number, Batch>();
      const unrecorded = new Map<number, number[]>();
      const delivered: number[][] = [[], [], []];
      const shardOf = new Map<number, number>();
      const isRecorded = new Set<number>(done);
      let next = 0;
      for (const action of steps) {
        const shardId = `shard-${action.shard}`;
        const batch = inFlight.get(action.shard);
        if (action.do === "offer") {
          if (queue.roomBytes === 0) continue;
          const position = next++;
          const isDone = queue.isDone(position);
          if (!isDone) shardOf.set(position, action.shard);
          queue.offer(isDone ? [] : [record(position, action.shard, action.bytes)], next);
        } else if (action.do === "take" && !unrecorded.has(action.shard)) {
          const taken = queue.take(shardId);
          expectAllowed(taken, batch !== undefined);
          if (taken === undefined) continue;
          inFlight.set(action.shard, taken);
        } else if (action.do === "settle" && batch !== undefined) {
          inFlight.delete(action.shard);
          const undelivered = batch.records.map((_, i) => i).filter((i) => i >= action.keep);
          const taken = batch.records.slice(0, action.keep).map(({ position }) => position);
          delivered[action.shard]?.push(...taken);
          queue.settle(batch, undelivered);
          unrecorded.set(action.shard, taken);
        } else if (action.do === "record") {
          for (const position of unrecorded.get(action.shard) ?? []) isRecorded.add(position);
          unrecorded.delete(action.shard);
          queue.recorded(shardId);
        }
        for (let position = 0; position < queue.released(); position++) expect(isRecorded).toContain(position);
        expect(next - queue.released()).toBeLessThanOrEqual(limits.aheadMax);
      }
      for (const [shard, positions] of delivered.entries()) {
        const expected = [...shardOf].flatMap(([position, of]) => (of === shard ? [position] : []));
        expect(positions).toEqual(expected.slice(0, positions.length));
      }
    }),
  );
});
