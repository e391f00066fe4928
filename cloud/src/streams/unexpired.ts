import type { ShardOwner } from "./shard-owner.js";

/**
 * The first position from `position` on that holds no expired record, or that position itself where the shard's oldest record
 * has not expired: retention holds exactly, whether or not the bytes are gone by now.
 * @param horizonMs milliseconds since 1970; what arrived before has expired.
 * @throws {CloudError} `stream-not-found`.
 */
export function firstUnexpired(shard: ShardOwner, position: number, horizonMs: number): number | Promise<number> {
  const { oldestArrivalMs = Number.POSITIVE_INFINITY } = shard.bounds();
  if (oldestArrivalMs >= horizonMs) return position;
  return shard.positionAtTime(horizonMs).then((first) => Math.max(position, first));
}
