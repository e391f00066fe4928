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
  /** Other workers have these, each two more than this worker at least: ask for them. */
  readonly ask: readonly Lease[];
}

/** Asked for in one round: as many calls as are made at once. */
const ASKED_MAX = 16;

/**
 * Which leases a worker takes so that in the end none has two more than another: free ones up to its share, and where
 * there are none, those of the workers with the most. It asks for half of what it lacks, so that workers that come at the same time,
 * who don't know of each other yet, together don't ask for much more than they should have.
 * @param seen leases whose shards can be read: none at its end, none whose parents are not.
 * @param random 0 to 1: so that workers that plan at the same time choose different ones.
 */
export function planTakes(seen: readonly SeenLease[], worker: string, random: () => number): TakePlan {
  const free: Lease[] = [];
  const byOwner = new Map<string, Lease[]>([[worker, []]]);
  for (const { lease, isExpired } of seen) {
    if (lease.leaseOwner === null || isExpired) {
      free.push(lease);
      continue;
    }
    const owned = byOwner.get(lease.leaseOwner);
    if (owned === undefined) byOwner.set(lease.leaseOwner, [lease]);
    else owned.push(lease);
  }
  const mine = byOwner.get(worker)?.length ?? 0;
  if (free.length > 0) {
    const share = Math.ceil(seen.length / byOwner.size);
    return { free: shuffled(free, random).slice(0, Math.max(0, share - mine)), ask: [] };
  }
  const lacking = surplus([...byOwner.values()], mine, random);
  return { free: [], ask: lacking.slice(0, Math.min(ASKED_MAX, Math.ceil(lacking.length / 2))) };
}

/** What would have to go to a worker with so many leases until nobody has two more, the next one first. */
function surplus(owned: readonly Lease[][], mine: number, random: () => number): Lease[] {
  const owners = owned.map((leases) => ({
    count: leases.length,
    // One that is being handed over already is left to settle.
    settled: shuffled(
      leases.filter(({ checkpointOwner }) => checkpointOwner === null),
      random,
    ),
  }));
  const taken: Lease[] = [];
  for (;;) {
    const most = owners.reduce((a, b) => (b.count > a.count ? b : a));
    const next = most.count - mine - taken.length >= 2 ? most.settled.pop() : undefined;
    if (next === undefined) return taken;
    most.count -= 1;
    taken.push(next);
  }
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
