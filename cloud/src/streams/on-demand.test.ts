import { evenHashKeyRanges, HASH_KEY_MAX } from "@headwater/protocol";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { bordersOnDemand, ON_DEMAND_SHARDS_MAX, type ShardLoad, shardsNeeded } from "./on-demand.js";
import { highestPeak, noPeaks, notePeak } from "./write-peaks.js";

/** What is written a second, in full shards, by hash key. */
type Writes = readonly { readonly at: bigint; readonly shards: number }[];

/** A shard takes what it can. */
function loadsOf(starts: readonly bigint[], writes: Writes): ShardLoad[] {
  return starts.map((startingHashKey, i) => {
    const endingHashKey = (starts[i + 1] ?? HASH_KEY_MAX + 1n) - 1n;
    const here = writes.filter(({ at }) => at >= startingHashKey && at <= endingHashKey);
    return {
      startingHashKey,
      endingHashKey,
      load: Math.min(
        1,
        here.reduce((sum, { shards }) => sum + shards, 0),
      ),
    };
  });
}

class Simulation {
  starts = evenHashKeyRanges(4).map(({ startingHashKey }) => startingHashKey);
  peakShards = 0;

  /** One window. @returns whether anything changed. */
  step(writes: Writes, shardsMin = 0): boolean {
    const loads = loadsOf(this.starts, writes);
    this.peakShards = Math.max(
      this.peakShards,
      loads.reduce((sum, { load }) => sum + load, 0),
    );
    const before = this.starts.join();
    this.starts = [0n, ...bordersOnDemand(loads, { peakShards: this.peakShards, shardsMin, mayShrink: true })];
    return this.starts.join() !== before;
  }
}

const writes = fc.array(
  fc.record({ at: fc.bigInt(0n, HASH_KEY_MAX), shards: fc.double({ min: 0, max: 8, noNaN: true }) }),
  { maxLength: 30 },
);

test("under constant load it comes to rest, with twice the peak and no hot shard that could be split", () =>
  fc.assert(
    fc.property(fc.array(writes, { minLength: 1, maxLength: 4 }), fc.nat(60), (phases, shardsMin) => {
      const stream = new Simulation();
      for (const phase of phases) {
        stream.peakShards = 0; // the phase before is more than 30 days ago
        let windows = 0;
        while (stream.step(phase, shardsMin)) expect((windows += 1)).toBeLessThan(40);
        const { starts, peakShards } = stream;
        expect(starts.length).toBeGreaterThanOrEqual(Math.min(ON_DEMAND_SHARDS_MAX, Math.ceil(2 * peakShards)));
        expect(starts.length).toBeGreaterThanOrEqual(Math.max(4, shardsMin));
        expect(starts.length).toBeLessThanOrEqual(ON_DEMAND_SHARDS_MAX);
        const hot = loadsOf(starts, phase).filter(({ load }) => load > 0.5);
        const narrow = hot.filter((one) => one.endingHashKey - one.startingHashKey < (1n << 128n) / 400n);
        expect(hot).toHaveLength(starts.length < ON_DEMAND_SHARDS_MAX ? narrow.length : hot.length);
        for (let i = 0; i < 3; i += 1) expect(stream.step(phase, shardsMin)).toBe(false);
      }
    }),
    { numRuns: 60 },
  ));

test("evenly written, it doubles with the load", () => {
  const stream = new Simulation();
  const counts = [];
  for (let i = 0; i < 6; i += 1) {
    stream.step(Array.from({ length: 1024 }, (_, n) => ({ at: BigInt(n) << 118n, shards: 30 / 1024 })));
    counts.push(stream.starts.length);
  }
  expect(counts).toEqual([8, 16, 32, 64, 64, 64]); // each shard may take the double of what it gets
});

test("it shrinks where it has more than twice what the peak needs, and where it may", () => {
  const shards = evenHashKeyRanges(40).map((range) => ({ ...range, load: 0.01 }));
  const shrunk = (peakShards: number, mayShrink = true): number =>
    bordersOnDemand(shards, { peakShards, shardsMin: 0, mayShrink }).length + 1;
  expect([shrunk(10), shrunk(9.5), shrunk(5), shrunk(0), shrunk(0, false)]).toEqual([40, 29, 15, 6, 40]);
  expect(shardsNeeded({ peakShards: 1000, shardsMin: 0, mayShrink: true })).toBe(200);
});

test("neighbours that are written to are not merged", () => {
  const shards = evenHashKeyRanges(40).map((range, i) => ({ ...range, load: i < 20 ? 0.4 : 0 }));
  const borders = bordersOnDemand(shards, { peakShards: 4, shardsMin: 0, mayShrink: true });
  expect(borders.length + 1).toBe(21);
  expect(borders.slice(0, 19)).toEqual(shards.slice(1, 20).map(({ startingHashKey }) => startingHashKey));
});

test("a peak counts for 30 days", () => {
  const dayMs = 24 * 3_600_000;
  let peaks = notePeak(noPeaks(0), 5, 0);
  expect(notePeak(peaks, 5.1, 1)).toBe(peaks);
  peaks = notePeak(notePeak(peaks, 7, 1000), 2, 10 * dayMs);
  expect(peaks.days).toEqual([
    { day: 0, shards: 7 },
    { day: 10, shards: 2 },
  ]);
  expect([29, 30, 39, 40].map((day) => highestPeak(peaks, day * dayMs))).toEqual([7, 2, 2, 0]);
  expect(notePeak(peaks, 1, 35 * dayMs).days.map(({ day }) => day)).toEqual([10, 35]);
});
