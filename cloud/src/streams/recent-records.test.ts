import { openLog, type ReadResult, type StoredFrame } from "@headwater/log";
import { FaultDisk, ManualClock } from "@headwater/log/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { putOutcomes } from "../testing/put-outcomes.js";
import { storedShard } from "../testing/stored-shard.js";
import { RecentRecords } from "./recent-records.js";
import { RecordBatch } from "./record-batch.js";
import { ShardOwner } from "./shard-owner.js";

const SPOOL = "00000000-0000-4000-8000-000000000000";
const KIBIBYTE = 1024;

function frames(from: number, count: number, bytes = 10): StoredFrame[] {
  return Array.from({ length: count }, (_, i) => ({ position: from + i, arrivalMs: 0, data: Buffer.alloc(bytes) }));
}

function bounds(next: number, first = 0) {
  return { first, next, bytes: 0, oldestArrivalMs: 0, lastArrivalMs: 0 };
}

const ALL = { frames: 1000, bytes: 1 << 20 };

function positions(result: ReadResult | undefined): number[] | undefined {
  return result?.frames.map(({ position }) => position);
}

const bytesOf = (kept: readonly StoredFrame[]): number => kept.reduce((sum, { data }) => sum + data.length, 0);

/** What frames keep from the collector. */
function memoryOf(kept: readonly StoredFrame[]): number {
  return [...new Set(kept.map(({ data }) => data.buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

test("what it answers is what the log does, whatever is put, by whom, and however it is read", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          sizes: fc.array(fc.nat(2000), { minLength: 1, maxLength: 5 }),
          named: fc.boolean(),
          waits: fc.boolean(),
        }),
        { minLength: 1, maxLength: 12 },
      ),
      fc.array(fc.record({ back: fc.nat(40), frames: fc.integer({ min: 1, max: 20 }), bytes: fc.nat(9000) }), {
        maxLength: 8,
      }),
      async (puts, reads) => {
        const clock = new ManualClock();
        const log = await openLog({ directory: "/log", disk: new FaultDisk(1), clock });
        await log.createShards(["a"]);
        const recent = new RecentRecords();
        const shard = new ShardOwner({
          log,
          clock,
          recent,
          shard: storedShard({ logName: "a" }),
          parents: [],
          place: "",
          path: "",
          limited: false,
          onSaveFailed: (error) => {
            throw error;
          },
        });
        for (const [request, { sizes, named, waits }] of puts.entries()) {
          clock.advance(7);
          const waiting = waits ? shard.grown(shard.bounds().next, new AbortController().signal) : undefined;
          const records = RecordBatch.of(
            sizes.map((bytes, i) => ({ partitionKey: `k${i}`, data: Buffer.alloc(bytes, i) })),
          );
          const producer = named ? { producer: "p", spoolId: SPOOL, request } : undefined;
          await putOutcomes(shard, records, [...sizes.keys()], producer);
          await waiting;
          const { next } = shard.bounds();
          const kept = recent.read("a", next - sizes.length, ALL, shard.bounds());
          expect(kept !== undefined || !waits).toBe(true);
          expect(memoryOf(kept?.frames ?? [])).toBe(bytesOf(kept?.frames ?? []));
          for (const { back, ...limits } of reads) {
            const position = Math.max(0, next - back);
            expect(await shard.read(position, limits)).toEqual(await log.read("a", position, limits));
          }
        }
        await log.close();
      },
    ),
    { numRuns: 15 },
  ));

describe("nothing is known of a shard", () => {
  test("that nobody waits for", () => {
    const recent = new RecentRecords();
    expect(recent.wants("a", 1, 10)).toBe(false);
    recent.watch("a");
    expect(recent.wants("a", 1, 10)).toBe(true);
    recent.add("a", frames(0, 2));
    expect(positions(recent.read("a", 0, ALL, bounds(2)))).toEqual([0, 1]);
    expect(recent.read("b", 0, ALL, bounds(2))).toBeUndefined();
  });

  test("before what came since, after it, where it was trimmed, or where the log has more", () => {
    const recent = new RecentRecords();
    recent.watch("a");
    recent.add("a", frames(5, 2));
    expect(recent.read("a", 4, ALL, bounds(7))).toBeUndefined();
    expect(recent.read("a", 7, ALL, bounds(7))).toBeUndefined();
    expect(recent.read("a", 5, ALL, bounds(7, 6))).toBeUndefined();
    expect(recent.read("a", 5, ALL, bounds(8))).toBeUndefined();
    expect(positions(recent.read("a", 6, ALL, bounds(7, 6)))).toEqual([6]);
  });

  test("whose records came to be known out of turn", () => {
    const recent = new RecentRecords();
    recent.watch("a");
    recent.add("a", frames(1, 1));
    recent.add("a", frames(0, 1));
    expect(recent.read("a", 0, ALL, bounds(2))).toBeUndefined();
    expect(recent.read("a", 1, ALL, bounds(2))).toBeUndefined();
  });

  test("whose readers let more than an event's worth come", () => {
    const recent = new RecentRecords();
    recent.watch("a");
    recent.add("a", frames(0, 2, 100 * KIBIBYTE));
    expect(recent.wants("a", 1, 100 * KIBIBYTE)).toBe(false);
    expect(recent.read("a", 0, ALL, bounds(2))).toBeUndefined();
    expect(recent.wants("a", 1, 1)).toBe(false);
  });
});

test("all shards together keep no more than their bound: the end that was reached longest ago goes", () => {
  const recent = new RecentRecords(200 * KIBIBYTE);
  for (const name of ["a", "b"]) {
    recent.watch(name);
    recent.add(name, frames(0, 1, 90 * KIBIBYTE));
  }
  recent.watch("c");
  expect(recent.wants("c", 1, 90 * KIBIBYTE)).toBe(false);
  for (let i = 0; i < 1000; i++) recent.watch(`shard-${i}`);
  expect(recent.read("a", 0, ALL, bounds(1))).toBeUndefined();
  expect(recent.wants("shard-999", 1, KIBIBYTE)).toBe(true);
});
