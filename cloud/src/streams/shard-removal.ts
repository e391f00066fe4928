import type { Log } from "@headwater/log";
import type { Catalog, StoredShard, StoredStream } from "../catalog/catalog.js";
import type { StreamState } from "./stream-state.js";

/** Deletes shards of the log, as far as they are there. All at once, so that they share the writing of its table. */
export async function deleteFromLog(log: Log, logNames: readonly string[]): Promise<void> {
  const there = new Set(log.shards());
  await Promise.all(logNames.filter((name) => there.has(name)).map((name) => log.deleteShard(name)));
}

/** Removes the shards that no reshard has opened: one failed or was cut off. */
export async function removePending({ id, shards }: StoredStream, catalog: Catalog, log: Log): Promise<void> {
  const pending = shards.filter(({ openedMs }) => openedMs === undefined);
  if (pending.length === 0) return;
  await deleteFromLog(
    log,
    pending.map(({ logName }) => logName),
  );
  await catalog.removeShards(
    id,
    pending.map(({ number }) => number),
  );
}

/**
 * Removes closed shards that retention has passed, once their children have stored what these know of their producers.
 * The bytes go first, as with a stream.
 */
export async function removeExpired(stream: StreamState, catalog: Catalog, log: Log): Promise<void> {
  const expired = stream.expiredShards();
  if (expired.length === 0) return;
  const going = new Set(expired);
  const heirs = new Set(expired.flatMap((shard) => stream.childrenOf(shard)));
  for (const heir of heirs) if (!going.has(heir)) await heir.saveInheritance();
  stream.forget(expired);
  await deleteFromLog(
    log,
    expired.map(({ logName }) => logName),
  );
  await catalog.removeShards(
    stream.id,
    expired.map(({ shardNumber }) => shardNumber),
  );
}

/** Ends what a crash cut off: a reshard, or the removal of closed shards. @returns the stream as it is then. */
export async function mendShards(stored: StoredStream, catalog: Catalog, log: Log): Promise<StoredStream> {
  await removePending(stored, catalog, log);
  const there = new Set(log.shards());
  const kept = stored.shards.filter(
    ({ openedMs, closed, logName }) => openedMs !== undefined && (closed === undefined || there.has(logName)),
  );
  const gone = stored.shards.filter((shard) => shard.openedMs !== undefined && !kept.includes(shard));
  if (gone.length > 0) {
    await catalog.removeShards(
      stored.id,
      gone.map(({ number }) => number),
    );
  }
  return { ...stored, shards: kept.map((shard) => withWholeEnd(shard, log)) };
}

/**
 * A commit that SQLite said to have failed may be found after a power cut. By then records may lie behind the end that it
 * gave to a shard, which went on.
 */
function withWholeEnd(shard: StoredShard, log: Log): StoredShard {
  const { closed, logName } = shard;
  if (closed === undefined) return shard;
  return { ...shard, closed: { ...closed, end: Math.max(closed.end, log.bounds(logName).next) } };
}
