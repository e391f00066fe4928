import type { Log } from "@headwater/log";
import type { Catalog, StoredShard, StoredStream } from "../catalog/catalog.js";
import type { StreamState } from "./stream-state.js";

/** So many share one writing of the log's table; more would hold up everything else while they are prepared. */
const DELETED_AT_ONCE = 500;

/** Deletes shards of the log, as far as they are there. */
export async function deleteFromLog(log: Log, logNames: readonly string[]): Promise<void> {
  const there = new Set(log.shards());
  const going = logNames.filter((name) => there.has(name));
  for (let i = 0; i < going.length; i += DELETED_AT_ONCE) {
    await Promise.all(going.slice(i, i + DELETED_AT_ONCE).map((name) => log.deleteShard(name)));
  }
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
  stream.removed(expired);
}

/** Ends what a crash cut off: a reshard, or the removal of closed shards. @returns the stream as it is then. */
export async function mendShards(stored: StoredStream, catalog: Catalog, log: Log): Promise<StoredStream> {
  await removePending(stored, catalog, log);
  const there = new Set(log.shards());
  const opened = stored.shards.filter(({ openedMs }) => openedMs !== undefined);
  const isLeft = ({ closed, logName }: StoredShard): boolean => closed === undefined || there.has(logName);
  const gone = opened.filter((shard) => !isLeft(shard));
  if (gone.length > 0) {
    await catalog.removeShards(
      stored.id,
      gone.map(({ number }) => number),
    );
  }
  return { ...stored, shards: opened.filter(isLeft).map((shard) => withWholeEnd(shard, log)) };
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
