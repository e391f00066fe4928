import type { Shard } from "../kinesis/stream-api.js";
import type { Lease } from "./lease.js";

/** Where an application begins that has read nothing yet. */
export type StartAt =
  | { readonly type: "TRIM_HORIZON" }
  /** What comes from now on: from the second, by the service's clock, in which the first lease is made. */
  | { readonly type: "LATEST" }
  /** Milliseconds since 1970. */
  | { readonly type: "AT_TIMESTAMP"; readonly timestampMs: number };

export interface SyncPlan {
  /** Leases to make: all of a generation before any of the next, so that a shard's lease never comes before its parents'. */
  readonly create: readonly (readonly Lease[])[];
  /** Leases whose shards are gone. */
  readonly remove: readonly Lease[];
}

/**
 * What makes the leases those of the listed shards.
 * @param shards all that the application has to read.
 * @param startMs from when on the application reads, in milliseconds since 1970; null for everything.
 */
export function planSync(shards: readonly Shard[], leases: readonly Lease[], startMs: number | null): SyncPlan {
  const leased = new Set(leases.map(({ leaseKey }) => leaseKey));
  const listed = new Map(shards.map((shard) => [shard.shardId, shard]));
  const generations: Lease[][] = [];
  const depths = new Map<string, number>();
  // Parents have lower numbers, and ids compare as their numbers do.
  for (const shard of [...shards].sort((a, b) => (a.shardId < b.shardId ? -1 : 1))) {
    const parents = shard.parents.filter((parent) => listed.has(parent));
    const depth = Math.max(-1, ...parents.map((parent) => depths.get(parent) ?? -1)) + 1;
    depths.set(shard.shardId, depth);
    if (!leased.has(shard.shardId)) (generations[depth] ??= []).push(newLease(shard, parents, startMs));
  }
  return {
    create: generations.filter((generation) => generation !== undefined),
    remove: listed.size === 0 ? [] : goneOf(leases, new Set(listed.keys())),
  };
}

/**
 * Leases whose shards are gone. A listing may be older than a lease, and miss its shard since that is so young; but no shard goes
 * before those that it came of.
 */
function goneOf(leases: readonly Lease[], listed: ReadonlySet<string>): Lease[] {
  const there = new Set(listed);
  // Parents have lower numbers.
  for (const { leaseKey, parentShardIds } of [...leases].sort((a, b) => (a.leaseKey < b.leaseKey ? -1 : 1))) {
    if (parentShardIds.some((parent) => there.has(parent))) there.add(leaseKey);
  }
  return leases.filter(({ leaseKey }) => !there.has(leaseKey));
}

function newLease(shard: Shard, parents: readonly string[], startMs: number | null): Lease {
  return {
    leaseKey: shard.shardId,
    leaseOwner: null,
    leaseCounter: 0,
    checkpoint: startMs === null ? "TRIM_HORIZON" : "AT_TIMESTAMP",
    checkpointSubSequenceNumber: 0,
    checkpointOwner: null,
    ownerSwitchesSinceCheckpoint: 0,
    parentShardIds: parents,
    startingHashKey: String(shard.startingHashKey),
    endingHashKey: String(shard.endingHashKey),
    startingTimestampMs: startMs,
  };
}
