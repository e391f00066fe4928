import { evenHashKeyRanges, HASH_KEY_MAX } from "@headwater/protocol";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planMerge, type PlannedShard, planShardCount, planSplit, type ShardPlan } from "./shard-plan.js";

const FIRST = 1000;

function shardsFrom(starts: readonly bigint[]): PlannedShard[] {
  return starts.map((startingHashKey, number) => ({
    number,
    startingHashKey,
    endingHashKey: (starts[number + 1] ?? HASH_KEY_MAX + 1n) - 1n,
  }));
}

function even(count: number): PlannedShard[] {
  return evenHashKeyRanges(count).map((range, number) => ({ ...range, number }));
}

/** Carries a plan out, checking each step: what is open at the end, by hash key, and how deep it lies. */
function carryOut(open: readonly PlannedShard[], plan: ShardPlan): (PlannedShard & { depth: number })[] {
  const shards = new Map(open.map((shard) => [shard.number, { ...shard, depth: 0 }]));
  const closed = new Set<number>();
  const children = new Map<string, { parents: readonly number[]; sizes: bigint[] }>();
  for (const [i, { parents, startingHashKey, endingHashKey }] of plan.entries()) {
    const from = parents.map((number) => {
      const parent = shards.get(number);
      if (parent === undefined) throw new RangeError(`shard ${number} is planned later than its child`);
      return parent;
    });
    expect(startingHashKey).toBeLessThanOrEqual(endingHashKey);
    const [left, right] = from;
    if (left === undefined) throw new RangeError("no parents");
    const fits =
      right === undefined
        ? startingHashKey === left.startingHashKey || endingHashKey === left.endingHashKey
        : left.endingHashKey + 1n === right.startingHashKey &&
          startingHashKey === left.startingHashKey &&
          endingHashKey === right.endingHashKey;
    expect(fits).toBe(true);
    expect(from.length).toBeLessThanOrEqual(2);
    for (const { number } of from) closed.add(number);
    const family = children.get(parents.join()) ?? { parents, sizes: [] };
    family.sizes.push(endingHashKey - startingHashKey + 1n);
    children.set(parents.join(), family);
    const depth = 1 + Math.max(...from.map((parent) => parent.depth));
    shards.set(FIRST + i, { number: FIRST + i, startingHashKey, endingHashKey, depth });
  }
  for (const { parents, sizes } of children.values()) {
    expect(sizes).toHaveLength(parents.length === 1 ? 2 : 1);
    const covered = parents.map((number) => shards.get(number)).map((p) => (p ? sizeOf(p) : 0n));
    expect(sizes.reduce((a, b) => a + b)).toBe(covered.reduce((a, b) => a + b));
  }
  // Nobody is both split and merged.
  expect([...children.values()].flatMap(({ parents }) => parents)).toHaveLength(closed.size);
  return [...shards.values()]
    .filter(({ number }) => !closed.has(number))
    .sort((a, b) => (a.startingHashKey < b.startingHashKey ? -1 : 1));
}

function sizeOf({ startingHashKey, endingHashKey }: PlannedShard): bigint {
  return endingHashKey - startingHashKey + 1n;
}

const anyOpen = fc.oneof(
  fc.integer({ min: 1, max: 60 }).map(even),
  fc
    .uniqueArray(fc.oneof(fc.bigInt(1n, HASH_KEY_MAX), fc.bigInt(1n, 300n)), { maxLength: 40 })
    .map((starts) => shardsFrom([0n, ...starts.sort((a, b) => (a < b ? -1 : 1))])),
);

test("from any open shards to any count: the even ranges, by splits and merges that each cover their parents", () =>
  fc.assert(
    fc.asyncProperty(anyOpen, fc.integer({ min: 1, max: 80 }), async (open, count) => {
      const result = carryOut(open, await planShardCount(open, count, FIRST));
      expect(result).toHaveLength(count);
      const offMax = BigInt(open.length + count);
      for (const [i, { startingHashKey, endingHashKey }] of evenHashKeyRanges(count).entries()) {
        const { startingHashKey: start = -1n, endingHashKey: end = -1n } = result[i] ?? {};
        const [offStart, offEnd] = [start - startingHashKey, end - endingHashKey];
        for (const off of [offStart, offEnd]) expect(off <= offMax && off >= -offMax).toBe(true);
      }
      expect(result[0]?.startingHashKey).toBe(0n);
      expect(result.at(-1)?.endingHashKey).toBe(HASH_KEY_MAX);
    }),
    { numRuns: 50 },
  ));

describe("what it takes", () => {
  test.each([
    // from, to, new shards
    [1, 2, 2],
    [3, 6, 6],
    [6, 3, 3],
    [7, 14, 14],
    [4, 5, 11],
    [1, 256, 510],
    [256, 1, 255],
    [5, 5, 0],
  ])("from %d to %d: %d new shards", async (from, to, made) => {
    expect(await planShardCount(even(from), to, FIRST)).toHaveLength(made);
  });

  test("no more generations than halving takes", async () => {
    for (const [from, to] of [
      [1, 256],
      [256, 1],
      [100, 199],
    ] as const) {
      const result = carryOut(even(from), await planShardCount(even(from), to, FIRST));
      expect(Math.max(...result.map(({ depth }) => depth))).toBeLessThanOrEqual(8);
    }
  });

  test("uneven shards are evened out at the same count", async () => {
    const open = shardsFrom([0n, 1n << 100n, 1n << 126n]);
    const starts = carryOut(open, await planShardCount(open, 3, FIRST)).map(({ startingHashKey }) => startingHashKey);
    expect(starts).toEqual(evenHashKeyRanges(3).map(({ startingHashKey }) => startingHashKey));
  });
});

test("thousands of shards are planned over several turns of the event loop", async () => {
  const open = even(3000).map((shard) => ({ ...shard, number: shard.number - 3000 }));
  let [turns, isOver] = [0, false];
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const plan = await planShardCount(open, 2990, FIRST);
  isOver = true;
  // Borders, splits and merges, each by 500.
  expect(turns).toBeGreaterThanOrEqual(5 + 5 + 10);
  expect(carryOut(open, plan)).toHaveLength(2990);
});

test("a split gives two shards, a merge one", () => {
  const [left, right] = even(2) as [PlannedShard, PlannedShard];
  expect(planSplit(left, 7n)).toEqual([
    { startingHashKey: 0n, endingHashKey: 6n, parents: [0] },
    { startingHashKey: 7n, endingHashKey: left.endingHashKey, parents: [0] },
  ]);
  expect(planMerge(left, right)).toEqual([{ startingHashKey: 0n, endingHashKey: HASH_KEY_MAX, parents: [0, 1] }]);
});
