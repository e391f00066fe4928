import type { ProducerRequest } from "@headwater/protocol";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ProducerSets, type ShardName, type StoredEntry, type ProducerSetsLimits } from "./producer-sets.js";

const LIMITS: ProducerSetsLimits = { requestsMax: 4, bytesMax: 1 << 20, floorsMax: 8 };
const SHARD: ShardName = { number: 3, epoch: 17 };
const SPOOL = "00000000-0000-4000-8000-000000000000";

function request(number: number, producer = "gateway"): ProducerRequest {
  return { producer, spoolId: SPOOL, request: number };
}

function at(position: number, shard = SHARD): StoredEntry {
  return { shard, position };
}

test("answers where the entries of a request lie, whichever appends brought them", () => {
  const sets = new ProducerSets(SHARD, LIMITS);
  sets.record(request(1), [0, 3], 100);
  sets.record(request(1), [5], 250);
  expect(sets.accepted(request(1))).toEqual(
    new Map([
      [0, at(100)],
      [3, at(101)],
      [5, at(250)],
    ]),
  );
  expect(sets.accepted(request(2))).toEqual(new Map());
});

test("what is older than the window is known to be older, never taken for new", () => {
  const sets = new ProducerSets(SHARD, LIMITS);
  for (const number of [10, 20, 30, 40, 50]) sets.record(request(number), [0], number);
  expect(sets.accepted(request(10))).toBeUndefined();
  expect(sets.accepted(request(5))).toBeUndefined();
  expect(sets.accepted(request(15))?.size).toBe(0); // above all that was forgotten, so it was never here
  expect(sets.accepted(request(20))?.size).toBe(1);
});

test("a re-imaged producer, with another spool, is another producer", () => {
  const sets = new ProducerSets(SHARD, LIMITS);
  sets.record(request(1), [0], 0);
  expect(sets.accepted({ ...request(1), spoolId: "11111111-0000-4000-8000-000000000000" })).toEqual(new Map());
});

test("beyond the memory's bound, the producer used longest ago keeps its highest number only", () => {
  const sets = new ProducerSets(SHARD, { ...LIMITS, bytesMax: 1500 });
  for (const producer of ["a", "b", "c", "d"]) sets.record(request(7, producer), [0], 0);
  expect(sets.accepted(request(7, "a"))).toBeUndefined();
  expect(sets.accepted(request(8, "a"))).toEqual(new Map());
  expect(sets.accepted(request(7, "d"))).toEqual(new Map([[0, at(0)]]));
  sets.record(request(9, "a"), [1], 5);
  expect(sets.accepted(request(7, "a"))).toBeUndefined();
});

test("refuses sets of another format", () => {
  expect(() => ProducerSets.decode(Buffer.from("83038080", "hex"), SHARD, LIMITS)).toThrow("format 3, known is 2");
});

const step = fc.record({
  producer: fc.constantFrom("a", "b", "c"),
  number: fc.nat(12),
  entries: fc.uniqueArray(fc.nat(65_535), { minLength: 1, maxLength: 5 }),
  restart: fc.boolean(),
});

test("agrees with an unbounded memory, but for what it says to have forgotten; and survives being stored", () =>
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const limits = { ...LIMITS, bytesMax: 1800 };
      let sets = new ProducerSets(SHARD, limits);
      const all = new Map<string, Map<number, StoredEntry>>();
      let position = 0;
      for (const { producer, number, entries, restart } of steps) {
        const key = `${producer}/${number}`;
        const accepted = sets.accepted(request(number, producer));
        const truth = all.get(key) ?? new Map<number, StoredEntry>();
        expect(accepted).toBeOneOf([undefined, truth]); // forgotten, or exact
        if (accepted !== undefined) {
          const fresh = entries.filter((entry) => !accepted.has(entry));
          if (fresh.length > 0) sets.record(request(number, producer), fresh, position);
          fresh.forEach((entry, i) => truth.set(entry, at(position + i)));
          position += fresh.length;
          all.set(key, truth);
        }
        if (restart) sets = ProducerSets.decode(sets.encode(), SHARD, limits);
      }
    }),
    { numRuns: 300 },
  ));

test("short of memory, every producer's newest requests outlive anybody's old ones", () => {
  const sets = new ProducerSets(SHARD, { requestsMax: 1024, bytesMax: 256 << 10, floorsMax: 10 });
  const producers = Array.from({ length: 20 }, (_, i) => `gateway-${i}`);
  for (let number = 0; number < 200; number += 1) {
    for (const producer of producers) sets.record(request(number, producer), [0], number);
  }
  for (const producer of producers) {
    expect(sets.accepted(request(199, producer))).toEqual(new Map([[0, at(199)]]));
    expect(sets.accepted(request(190, producer))).toEqual(new Map([[0, at(190)]]));
    expect(sets.accepted(request(200, producer))).toEqual(new Map());
    expect(sets.accepted(request(0, producer))).toBeUndefined();
  }
});

test("within its window a lone producer's requests are never forgotten", () =>
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 30 }), (numbers) => {
      const sets = new ProducerSets(SHARD, LIMITS);
      const seen: number[] = [];
      for (const number of numbers) {
        if (sets.accepted(request(number))?.size !== 0) continue;
        sets.record(request(number), [0], 0);
        seen.push(number);
      }
      const last = seen.sort((a, b) => b - a).slice(0, LIMITS.requestsMax);
      for (const number of last) expect(sets.accepted(request(number))?.size).toBe(1);
    }),
  ));

test("sets that were stored before shards had names in them are read, all of it lying in the shard itself", () => {
  // [1, [["gateway", SPOOL, -1, [[7, [[100, h'00000003']]]]]], []], as format 1 wrote it.
  const window = `8467${Buffer.from("gateway").toString("hex")}7824${Buffer.from(SPOOL).toString("hex")}20`;
  const bytes = Buffer.from(`830181${window}81820781821864440000000380`, "hex");
  const accepted = ProducerSets.decode(bytes, SHARD, LIMITS).accepted(request(7));
  expect(accepted).toEqual(
    new Map([
      [0, at(100)],
      [3, at(101)],
    ]),
  );
});

describe("what a shard inherits of two parents", () => {
  const [left, right, child] = [1, 2, 3].map((number): ShardName => ({ number, epoch: number + 10 })) as [
    ShardName,
    ShardName,
    ShardName,
  ];
  const inherit = (...parents: ProducerSets[]): ProducerSets => {
    const sets = new ProducerSets(child, LIMITS);
    for (const parent of parents) sets.inherit(parent);
    return ProducerSets.decode(sets.encode(), child, LIMITS);
  };

  test("says of each entry in which shard it lies, and goes on in the new one", () => {
    const [a, b] = [new ProducerSets(left, LIMITS), new ProducerSets(right, LIMITS)];
    a.record(request(1), [0], 5);
    b.record(request(1), [1], 6);
    const sets = inherit(a, b);
    sets.record(request(1), [2], 0);
    const grandchild = inherit(sets);
    for (const known of [sets, grandchild]) {
      expect(known.accepted(request(1))).toEqual(
        new Map([
          [0, at(5, left)],
          [1, at(6, right)],
          [2, at(0, child)],
        ]),
      );
    }
  });

  test("has forgotten what one of them has forgotten, though the other remembers its own part of it", () => {
    const [a, b] = [new ProducerSets(left, LIMITS), new ProducerSets(right, LIMITS)];
    for (const number of [1, 2, 3, 4, 5]) a.record(request(number), [0], number); // a forgets 1
    b.record(request(1), [1], 0);
    expect(inherit(a, b).accepted(request(1))).toBeUndefined();
    expect(inherit(b, a).accepted(request(1))).toBeUndefined();
  });

  test("keeps to the window, the newest requests of both", () => {
    const [a, b] = [new ProducerSets(left, LIMITS), new ProducerSets(right, LIMITS)];
    for (const number of [1, 3, 5]) a.record(request(number), [0], number);
    for (const number of [2, 4, 6]) b.record(request(number), [0], number);
    const sets = inherit(a, b);
    expect([1, 2, 3, 4, 5, 6].map((number) => sets.accepted(request(number))?.size)).toEqual([
      undefined,
      undefined,
      1,
      1,
      1,
      1,
    ]);
  });

  test("does not hold twice what both have from a common parent", () => {
    const parent = new ProducerSets(left, LIMITS);
    parent.record(request(1), [0, 1], 5);
    const once = inherit(parent).encode();
    expect(inherit(inherit(parent), inherit(parent)).encode()).toEqual(once);
  });
});
