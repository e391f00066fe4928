import { CloudError } from "../cloud-error.js";
import type { ShardOwner } from "./shard-owner.js";
import { decodeRecord } from "./stored-record.js";
import type { StreamRecord } from "./stream.js";
import type { StreamState } from "./stream-state.js";

/** What is read of one shard before the next has its turn. */
const PAGE = { frames: 256, bytes: 1 << 20 };

/** Records of all shards from now on; see StreamReader.tail. */
export async function* tailStream(
  stream: StreamState,
  signal: AbortSignal,
): AsyncGenerator<StreamRecord, void, undefined> {
  const cursors = stream.shards.map((shard) => ({ shard, position: shard.bounds().next }));
  try {
    while (!signal.aborted) {
      let found = false;
      for (const cursor of cursors) {
        const { frames, next } = await cursor.shard.read(cursor.position, PAGE);
        cursor.position = next;
        found ||= frames.length > 0;
        for (const { position, arrivalMs, data } of frames) {
          if (signal.aborted) return;
          yield { ...toRecord(cursor.shard, position, data), arrivalMs };
        }
      }
      if (!found) await anyGrown(cursors, signal);
    }
  } catch (error) {
    if (signal.aborted || (error instanceof CloudError && error.code === "stream-not-found")) return;
    throw error;
  }
}

function toRecord(shard: ShardOwner, position: number, frame: Buffer): Omit<StreamRecord, "arrivalMs"> {
  const { partitionKey, data } = decodeRecord(frame);
  return { shardId: shard.shardId, sequenceNumber: shard.sequenceNumber(position), partitionKey, data };
}

/** Resolves once one of the shards has something to read at its position. */
async function anyGrown(
  cursors: readonly { shard: ShardOwner; position: number }[],
  signal: AbortSignal,
): Promise<void> {
  const waiting = new AbortController();
  const stop = (): void => waiting.abort();
  signal.addEventListener("abort", stop);
  try {
    if (signal.aborted) return;
    await Promise.any(cursors.map(({ shard, position }) => shard.grown(position, waiting.signal)));
  } finally {
    signal.removeEventListener("abort", stop);
    waiting.abort();
  }
}
