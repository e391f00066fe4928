import type { ProducerRequest } from "@headwater/protocol";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ProducerSets, type ProducerSetsLimits } from "./producer-sets.js";

const LIMITS: ProducerSetsLimits = { requestsMax: 4, bytesMax: 1 << 20, floorsMax: 8 };
const SPOOL = "00000000-0000-4000-8000-000000000000";

function request(number: number, producer = "gateway"): ProducerRequest {
  return { producer, spoolId: SPOOL, request: number };
}

test("answers where the entries of a request lie, whichever appends brought them", () => {
  const sets = new ProducerSets(LIMITS);
  sets.record(request(1), [0, 3], 100);
  sets.record(request(1), [5], 250);
  expect(sets.accepted(request(1))).toEqual(
    new Map([
      [0, 100],
      [3, 101],
      [5, 250],
    ]),
  );
  expect(sets.accepted(request(2))).toEqual(new Map());
});

test("what is older than the window is known to be older, never taken for new", () => {
  const sets = new ProducerSets(LIMITS);
  for (const number of [10, 20, 30, 40, 50]) sets.record(request(number), [0], number);
  expect(sets.accepted(request(10))).toBeUndefined();
  expect(sets.accepted(request(5))).toBeUndefined();
  expect(sets.accepted(request(15))?.size).toBe(0); // above all that was forgotten, so it was never here
  expect(sets.accepted(request(20))?.size).toBe(1);
});

test("a re-imaged producer, with another spool, is another producer", () => {
  const sets = new ProducerSets(LIMITS);
  sets.record(request(1), [0], 0);
  expect(sets.accepted({ ...request(1), spoolId: "11111111-0000-4000-8000-000000000000" })).toEqual(new Map());
});

test("beyond the memory's bound, the producer used longest ago keeps its highest number only", () => {
  const sets = new ProducerSets({ ...LIMITS, bytesMax: 1500 });
  for (const producer of ["a", "b", "c", "d"]) sets.record(request(7, producer), [0], 0);
  expect(sets.accepted(request(7, "a"))).toBeUndefined();
  expect(sets.accepted(request(8, "a"))).toEqual(new Map());
  expect(sets.accepted(request(7, "d"))).toEqual(new Map([[0, 0]]));
  sets.record(request(9, "a"), [1], 5);
  expect(sets.accepted(request(7, "a"))).toBeUndefined();
});

test("refuses sets of another format", () => {
  expect(() => ProducerSets.decode(Buffer.from("83028080", "hex"), LIMITS)).toThrow("format 2, known is 1");
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
      let sets = new ProducerSets(limits);
      const all = new Map<string, Map<number, number>>();
      let position = 0;
      for (const { producer, number, entries, restart } of steps) {
        const key = `${producer}/${number}`;
        const accepted = sets.accepted(request(number, producer));
        const truth = all.get(key) ?? new Map<number, number>();
        expect(accepted).toBeOneOf([undefined, truth]); // forgotten, or exact
        if (accepted !== undefined) {
          const fresh = entries.filter((entry) => !accepted.has(entry));
          if (fresh.length > 0) sets.record(request(number, producer), fresh, position);
          fresh.forEach((entry, i) => truth.set(entry, position + i));
          position += fresh.length;
          all.set(key, truth);
        }
        if (restart) sets = ProducerSets.decode(sets.encode(), limits);
      }
    }),
    { numRuns: 300 },
  ));

test("short of memory, every producer's newest requests outlive anybody's old ones", () => {
  const sets = new ProducerSets({ requestsMax: 1024, bytesMax: 256 << 10, floorsMax: 10 });
  const producers = Array.from({ length: 20 }, (_, i) => `gateway-${i}`);
  for (let number = 0; number < 200; number += 1) {
    for (const producer of producers) sets.record(request(number, producer), [0], number);
  }
  for (const producer of producers) {
    expect(sets.accepted(request(199, producer))).toEqual(new Map([[0, 199]]));
    expect(sets.accepted(request(190, producer))).toEqual(new Map([[0, 190]]));
    expect(sets.accepted(request(200, producer))).toEqual(new Map());
    expect(sets.accepted(request(0, producer))).toBeUndefined();
  }
});

test("within its window a lone producer's requests are never forgotten", () =>
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 30 }), (numbers) => {
      const sets = new ProducerSets(LIMITS);
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
