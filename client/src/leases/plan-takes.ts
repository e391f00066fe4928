import { isFinished, type Lease } from "./lease.js";

/** A lease, and whether its owner has been silent for too long. */
export interface SeenLease {
  readonly lease: Lease;
  /** Of no meaning where there is no owner. */
  readonly isExpired: boolean;
}

export interface TakePlan {
  /** Nobody has these: take them. */
  readonly free: readonly Lease[];
  /** Another worker has this one, and two more than this worker at least: ask for it. */
  readonly ask: Lease | undefined;
}

/**
 * Which leases a worker takes so that in the end none has two more than another: free ones up to its share, and where
 * there are none, one of the worker with the most.
 * @param seen leases whose shards can be read: none at its end, none whose parents are not.
 * @param random 0 to 1: so that workers that plan at the same time choose different ones.
 */
export function planTakes(seen: readonly SeenLease[], worker: string, random: () => number): TakePlan {
  const free: Lease[] = [];
  const byOwner = new Map<string, Lease[]>([[worker, []]]);
  for (const { lease, isExpired } of seen) {
    if (lease.leaseOwner === null || isExpired) free.push(lease);
    else byOwner.set(lease.leaseOwner, [...(byOwner.get(lease.leaseOwner) ?? []), lease]);
  }
  const mine = byOwner.get(worker)?.length ?? 0;
  if (free.length > 0) {
    const share = Math.ceil(seen.length / byOwner.size);
    return { free: shuffled(free, random).slice(0, Math.max(0, share - mine)), ask: undefined };
  }
  const [most = []] = [...byOwner.values()].sort((a, b) => b.length - a.length);
  // One that is being handed over already is left to settle.
  const settled = most.filter(({ checkpointOwner }) => checkpointOwner === null);
  const ask = most.length - mine >= 2 ? settled[Math.floor(random() * settled.length)] : undefined;
  return { free: [], ask };
}

/** Leases whose shards may be read now, as far as this listing knows. */
export function readable(leases: readonly Lease[]): Lease[] {
  const unfinished = new Set(leases.filter((lease) => !isFinished(lease)).map(({ leaseKey }) => leaseKey));
  return leases.filter((lease) => !isFinished(lease) && !lease.parentShardIds.some((parent) => unfinished.has(parent)));
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, order: random() }));
  return keyed.sort((a, b) => a.order - b.order).map(({ item }) => item);
}
