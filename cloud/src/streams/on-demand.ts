import type { HashKeyRange } from "@headwater/protocol";

/** With which a stream on demand begins: 4 MB/s. Source: Kinesis Data Streams Developer Guide. */
export const ON_DEMAND_SHARDS_MIN = 4;
/** To which it grows: 200 MB/s. Source: Kinesis Data Streams quotas. */
export const ON_DEMAND_SHARDS_MAX = 200;

/** A shard that fills more than this of its capacity could not take the double of its load. */
const HOT = 0.5;
/** Two neighbours that fill less than this together may become one, which is far from hot. */
const COLD = 0.25;
/** No shard is split to less than this: a key that is hot by itself cannot be split. */
const NARROWEST = (1n << 128n) / BigInt(4 * ON_DEMAND_SHARDS_MAX);

/** An open shard, and the part of its write capacity that was used in the last window. */
export interface ShardLoad extends HashKeyRange {
  readonly load: number;
}

export interface Demand {
  /** The highest throughput of the last 30 days, as a number of full shards. */
  readonly peakShards: number;
  /** What it may not fall below. */
  readonly shardsMin: number;
  /** Whether it is measured for long enough to take shards away. */
  readonly mayShrink: boolean;
}

/**
 * Where the shards of a stream on demand should begin, but for the first; rising.
 *
 * There have to be twice as many shards as the peak filled, and a hot one is split. Where there are more than twice as
 * many as needed, cold neighbours are merged, down to one and a half times. The hottest are split first, the coldest merged
 * first. Between the bounds nothing happens, so under constant load it comes to rest.
 * @param shards rising by hash key, without holes.
 */
export function bordersOnDemand(shards: readonly ShardLoad[], demand: Demand): bigint[] {
  const needed = shardsNeeded(demand);
  const pieces = [...shards];
  while (pieces.length < ON_DEMAND_SHARDS_MAX) {
    const i = indexOfHottest(pieces);
    const hottest = pieces[i];
    if (hottest === undefined || (pieces.length >= needed && hottest.load <= HOT)) break;
    pieces.splice(i, 1, ...halves(hottest));
  }
  if (pieces.length === shards.length && demand.mayShrink && pieces.length > 2 * needed) {
    shrink(pieces, Math.ceil(1.5 * needed));
  }
  return pieces.slice(1).map(({ startingHashKey }) => startingHashKey);
}

export function shardsNeeded({ peakShards, shardsMin }: Demand): number {
  return Math.min(ON_DEMAND_SHARDS_MAX, Math.max(ON_DEMAND_SHARDS_MIN, shardsMin, Math.ceil(2 * peakShards)));
}

/** Of those wide enough to be split; of equal ones the widest. -1 where there is none. */
function indexOfHottest(pieces: readonly ShardLoad[]): number {
  let found = -1;
  for (const [i, piece] of pieces.entries()) {
    if (widthOf(piece) < 2n * NARROWEST) continue;
    const best = pieces[found];
    if (best === undefined || piece.load > best.load || (piece.load === best.load && widthOf(piece) > widthOf(best))) {
      found = i;
    }
  }
  return found;
}

function shrink(pieces: ShardLoad[], count: number): void {
  while (pieces.length > count) {
    let coldest = -1;
    let least = COLD;
    for (let i = 0; i + 1 < pieces.length; i += 1) {
      const together = pieces[i]!.load + pieces[i + 1]!.load;
      if (together >= least) continue;
      coldest = i;
      least = together;
    }
    if (coldest < 0) return;
    const [{ startingHashKey }, { endingHashKey }] = [pieces[coldest]!, pieces[coldest + 1]!];
    pieces.splice(coldest, 2, { startingHashKey, endingHashKey, load: least });
  }
}

function halves({ startingHashKey, endingHashKey, load }: ShardLoad): [ShardLoad, ShardLoad] {
  const middle = startingHashKey + (endingHashKey - startingHashKey + 1n) / 2n;
  return [
    { startingHashKey, endingHashKey: middle - 1n, load: load / 2 },
    { startingHashKey: middle, endingHashKey, load: load / 2 },
  ];
}

function widthOf({ startingHashKey, endingHashKey }: HashKeyRange): bigint {
  return endingHashKey - startingHashKey + 1n;
}
