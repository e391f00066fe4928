import { type Log, LogError } from "@headwater/log";
import type { Catalog, ReshardChange, StoredShard } from "../catalog/catalog.js";
import { CloudError } from "../cloud-error.js";
import { fromLogError } from "./log-failure.js";
import type { ShardOwner } from "./shard-owner.js";
import type { ShardPlan } from "./shard-plan.js";
import { removePending } from "./shard-removal.js";
import type { StreamState, StreamSurroundings } from "./stream-state.js";

/**
 * Carries a plan out: closes the open shards that it splits or merges, and opens its own in their place. Resolves once
 * that is durable and keys lead to the new shards. Where it throws, the shards are what they were.
 * The steps and their syncs are in docs/design/shards.md. One at a time for a stream.
 * @throws {CloudError} `disk-full`, `disk-failed`, and whatever the catalog throws.
 */
export async function reshard(
  stream: StreamState,
  plan: ShardPlan,
  catalog: Catalog,
  { log, clock, report }: StreamSurroundings,
): Promise<void> {
  const parents = parentsIn(plan, stream);
  try {
    const added = await catalog.addShards(stream.id, plan);
    checkNumbers(added, stream);
    await log.createShards(added.map(({ logName }) => logName));
    const prepared = await stream.prepare(added);
    await Promise.all(parents.map((parent) => parent.gate.shut()));
    const change = changeOf(added, parents, clock.now());
    await commit(stream, change, catalog);
    stream.nextShardNumber += added.length;
    stream.reshard(prepared, change);
  } catch (error) {
    await undo(stream, catalog, log).catch((failure: unknown) => {
      report("could not remove the shards of a reshard that failed; the next one or the next start does", {
        stream: stream.name,
        error: failure,
      });
    });
    throw error instanceof LogError ? fromLogError(error) : error;
  } finally {
    for (const { gate } of parents) gate.open();
  }
}

/** Ends the reshard in the catalog. A commit that failed may have been made all the same, so the catalog is asked. */
async function commit(stream: StreamState, change: ReshardChange, catalog: Catalog): Promise<void> {
  try {
    await catalog.reshard(stream.id, change);
  } catch (error) {
    const stored = await catalog.stream(stream.id);
    const opened = stored?.shards.find(({ number }) => number === change.opened[0])?.openedMs;
    if (opened === undefined) throw error;
  }
}

async function undo(stream: StreamState, catalog: Catalog, log: Log): Promise<void> {
  const stored = await catalog.stream(stream.id);
  if (stored === undefined) return;
  await removePending(stored, catalog, log);
  stream.nextShardNumber = stored.nextShardNumber;
}

/** The open shards that a plan closes. */
function parentsIn(plan: ShardPlan, stream: StreamState): ShardOwner[] {
  const numbers = new Set(plan.flatMap(({ parents }) => parents));
  return stream.openShards.filter(({ shardNumber }) => numbers.has(shardNumber));
}

/** A plan names its own shards by the numbers that they were to get. */
function checkNumbers(added: readonly StoredShard[], { nextShardNumber }: StreamState): void {
  if (added[0] === undefined || added[0].number === nextShardNumber) return;
  throw new CloudError("internal", `shards are numbered from ${added[0].number}, expected was ${nextShardNumber}`);
}

/** Of a parent, the end is where its last append ended: its gate is shut. */
function changeOf(added: readonly StoredShard[], parents: readonly ShardOwner[], nowMs: number): ReshardChange {
  // Where the clock was set back, children must not expire before their parents, nor parents before their records.
  const openedMs = parents.reduce(
    (latestMs, parent) => Math.max(latestMs, parent.openedMs, parent.bounds().lastArrivalMs ?? 0),
    nowMs,
  );
  const split = new Set(added.flatMap((shard) => shard.parents));
  const inBetween = added.filter(({ number }) => split.has(number));
  return {
    closed: [
      ...parents.map((parent) => ({ number: parent.shardNumber, end: parent.bounds().next, closedMs: openedMs })),
      ...inBetween.map(({ number }) => ({ number, end: 0, closedMs: openedMs })),
    ],
    opened: added.map(({ number }) => number),
    openedMs,
  };
}
