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
  const cursors = new Map(stream.openShards.map((shard) => [shard, shard.bounds().next]));
  const unread = new UnreadShards(stream);
  try {
    while (!signal.aborted) {
      let found = false;
      for (const [shard, position] of cursors) {
        const { frames, next } = await shard.read(position, PAGE);
        cursors.set(shard, next);
        found ||= frames.length > 0;
        for (const frame of frames) {
          if (signal.aborted) return;
          yield { ...toRecord(shard, frame.position, frame.data), arrivalMs: frame.arrivalMs };
        }
        if (shard.closed === undefined || next < shard.bounds().next) continue;
        cursors.delete(shard);
        for (const child of unread.childrenAfter(shard)) cursors.set(child, 0);
        found = true;
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

/** Which shards may have records that were not shown yet. A child begins when its parents are read: keys keep their order. */
class UnreadShards {
  readonly #stream: StreamState;
  readonly #closedBefore: (shardNumber: number) => boolean;
  readonly #read = new Set<number>();

  constructor(stream: StreamState) {
    this.#stream = stream;
    const first = stream.nextShardNumber;
    const open = new Set(stream.openShards.map(({ shardNumber }) => shardNumber));
    this.#closedBefore = (number) => number < first && !open.has(number);
  }

  /** The children of a shard that was read to its end that may be read now. */
  childrenAfter(ended: ShardOwner): ShardOwner[] {
    this.#read.add(ended.shardNumber);
    const isRead = (number: number): boolean => this.#read.has(number) || this.#closedBefore(number);
    return this.#stream.childrenOf(ended).filter(({ parents }) => parents.every(isRead));
  }
}

/** Resolves once one of the shards has something to read at its position. */
async function anyGrown(cursors: ReadonlyMap<ShardOwner, number>, signal: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const stop = (): void => waiting.abort();
  signal.addEventListener("abort", stop);
  try {
    if (signal.aborted) return;
    await Promise.any([...cursors].map(([shard, position]) => shard.grown(position, waiting.signal)));
  } finally {
    signal.removeEventListener("abort", stop);
    waiting.abort();
  }
}
