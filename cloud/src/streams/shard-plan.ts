import { setImmediate as nextTurn } from "node:timers/promises";
import { evenHashKeyRanges, type HashKeyRange } from "@headwater/protocol";
import type { NewShard } from "../catalog/catalog.js";

/** So many shards take some milliseconds to plan; after them everybody else has a turn. */
const PLANNED_AT_ONCE = 500;

/** A shard as a plan sees it: one that is open, or one that the plan makes. */
export interface PlannedShard extends HashKeyRange {
  readonly number: number;
}

/**
 * The shards that a reshard makes, in the order of their numbers. Each has one parent (split) or two (merge), which are
 * open shards or earlier ones of the plan; those are closed as soon as they are made, without a record.
 */
export type ShardPlan = readonly NewShard[];

/** @param newStartingHashKey where the second child begins: within the shard, and not at its start. */
export function planSplit(shard: PlannedShard, newStartingHashKey: bigint): ShardPlan {
  const planner = new Planner(0);
  planner.split(shard, newStartingHashKey);
  return planner.plan;
}

/** @param right begins where `left` ends. */
export function planMerge(left: PlannedShard, right: PlannedShard): ShardPlan {
  const planner = new Planner(0);
  planner.merge(left, right);
  return planner.plan;
}

/**
 * Leads from any open shards to `count` even ones, by splits at each border that is missing and merges across each that
 * is too much; a shard that lies right already stays. Both halve, so no shard has more than log2 ancestors within the plan.
 *
 * Ranges that were cut evenly for different counts differ by what division leaves over. An open border that is off by no
 * more than that stands for the even one; otherwise going from 3 shards to 6 would merge slivers of a few hash keys.
 * @param open the stream's open shards, rising by hash key.
 * @param firstNumber that the first new shard will have.
 */
export async function planShardCount(
  open: readonly PlannedShard[],
  count: number,
  firstNumber: number,
): Promise<ShardPlan> {
  return planBorders(open, await bordersFor(open, count), firstNumber);
}

/**
 * Leads from any open shards to those with these borders, as {@link planShardCount} does.
 * @param borders where all wanted shards but the first begin, rising.
 */
export async function planBorders(
  open: readonly PlannedShard[],
  borders: readonly bigint[],
  firstNumber: number,
): Promise<ShardPlan> {
  const planner = new Planner(firstNumber);
  let at = 0;
  const upTo = (hashKey: bigint): number => {
    while ((borders[at] ?? hashKey + 1n) <= hashKey) at += 1;
    return at;
  };
  const pieces: PlannedShard[] = [];
  for (const [i, shard] of open.entries()) {
    if (i > 0 && i % PLANNED_AT_ONCE === 0) await nextTurn();
    const from = upTo(shard.startingHashKey);
    pieces.push(...planner.splitAt(shard, borders.slice(from, upTo(shard.endingHashKey))));
  }
  let next = 0;
  let group: PlannedShard[] = [];
  for (const [i, piece] of pieces.entries()) {
    if (i > 0 && i % PLANNED_AT_ONCE === 0) await nextTurn();
    if (piece.startingHashKey === borders[next]) {
      planner.mergeAll(group);
      group = [];
      next += 1;
    }
    group.push(piece);
  }
  planner.mergeAll(group);
  return planner.plan;
}

/** Where the `count` ranges but the first begin. */
async function bordersFor(open: readonly PlannedShard[], count: number): Promise<bigint[]> {
  const nearEnough = BigInt(open.length + count);
  const borders: bigint[] = [];
  let at = 0;
  for (const [i, { startingHashKey: even }] of evenHashKeyRanges(count).entries()) {
    if (i === 0) continue;
    if (i % PLANNED_AT_ONCE === 0) await nextTurn();
    while ((open[at + 1]?.startingHashKey ?? even) < even) at += 1;
    const [below, above] = [open[at]?.startingHashKey ?? 0n, open[at + 1]?.startingHashKey ?? 0n];
    const nearest = distance(below, even) < distance(above, even) ? below : above;
    borders.push(nearest > 0n && distance(nearest, even) <= nearEnough ? nearest : even);
  }
  return borders;
}

function distance(a: bigint, b: bigint): bigint {
  return a < b ? b - a : a - b;
}

/** Writes down shards as they are planned. */
class Planner {
  readonly plan: NewShard[] = [];
  readonly #firstNumber: number;

  constructor(firstNumber: number) {
    this.#firstNumber = firstNumber;
  }

  split({ number, startingHashKey, endingHashKey }: PlannedShard, at: bigint): [PlannedShard, PlannedShard] {
    return [
      this.#add({ startingHashKey, endingHashKey: at - 1n, parents: [number] }),
      this.#add({ startingHashKey: at, endingHashKey, parents: [number] }),
    ];
  }

  merge(left: PlannedShard, right: PlannedShard): PlannedShard {
    const parents = [left.number, right.number];
    return this.#add({ startingHashKey: left.startingHashKey, endingHashKey: right.endingHashKey, parents });
  }

  /** Splits a shard at each of the borders, which rise, and answers the pieces. */
  splitAt(shard: PlannedShard, borders: readonly bigint[]): PlannedShard[] {
    const middle = borders.length >> 1;
    const border = borders[middle];
    if (border === undefined) return [shard];
    const [left, right] = this.split(shard, border);
    return [...this.splitAt(left, borders.slice(0, middle)), ...this.splitAt(right, borders.slice(middle + 1))];
  }

  /** Merges neighbours, rising by hash key, to one. */
  mergeAll(pieces: readonly PlannedShard[]): PlannedShard {
    const [only, second] = pieces;
    if (only === undefined) throw new RangeError("nothing to merge");
    if (second === undefined) return only;
    const middle = pieces.length >> 1;
    return this.merge(this.mergeAll(pieces.slice(0, middle)), this.mergeAll(pieces.slice(middle)));
  }

  #add(shard: NewShard): PlannedShard {
    this.plan.push(shard);
    return { ...shard, number: this.#firstNumber + this.plan.length - 1 };
  }
}
