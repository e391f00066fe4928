import type { ReadLimits, ReadResult, ShardBounds } from "@headwater/log";
import { decodeRecord } from "../streams/stored-record.js";
import { type PayloadPreview, previewPayload } from "./payload-preview.js";

/** What the console needs of a shard. */
export interface ShardView {
  readonly shardId: string;
  bounds(): ShardBounds;
  read(position: number, limits: ReadLimits): Promise<ReadResult>;
  sequenceNumber(position: number): string;
}

/** A record as the console sends it. */
export interface LiveRecord {
  /** Arrival in ms since 1970. */
  readonly timeMs: number;
  readonly partitionKey: string;
  readonly shardId: string;
  readonly sequenceNumber: string;
  /** Of the data. */
  readonly bytes: number;
  readonly payload: PayloadPreview;
}

export interface LiveBatch {
  /** In the order of arrival. */
  readonly records: readonly LiveRecord[];
  /** Records that came faster than this looks, and were passed over. */
  readonly skipped: number;
}

const RECENT_PER_SHARD = 200;
const RECENT_TOTAL = 2000;
const POLL_PER_SHARD_MIN = 5;
const POLL_TOTAL = 50;
const BYTES_PER_POLL = 1024 * 1024;

/**
 * The newest records of one stream. Each poll costs a bounded amount however much arrived: it reads the end of each
 * shard and counts what it passed over. The first poll goes a little back, so a page does not open empty.
 */
export class LiveTail {
  #positions = new Map<ShardView, number>();
  #turn = 0;

  /** @param shards the stream's shards now, the same objects as long as they are the same shards; none if it is gone. */
  constructor(readonly shards: () => readonly ShardView[]) {}

  async poll(): Promise<LiveBatch> {
    const positions = new Map<ShardView, number>();
    // Quiet shards, such as closed ones, take no share of what is shown.
    const shards = this.shards().filter((shard) => {
      const { first, next } = shard.bounds();
      const position = this.#positions.get(shard) ?? first;
      positions.set(shard, position);
      return position < next;
    });
    const among = Math.max(1, shards.length);
    const recent = Math.min(RECENT_PER_SHARD, Math.max(10, Math.floor(RECENT_TOTAL / among)));
    const perPoll = Math.max(POLL_PER_SHARD_MIN, Math.floor(POLL_TOTAL / among));
    const records: LiveRecord[] = [];
    let bytesLeft = BYTES_PER_POLL;
    let skipped = 0;
    // Another shard goes first each time, so that none is starved by the bound on bytes.
    const turn = this.#turn++ % among;
    for (const shard of [...shards.slice(turn), ...shards.slice(0, turn)]) {
      const { first, next } = shard.bounds();
      const before = this.#positions.get(shard);
      const most = before === undefined ? recent : perPoll;
      const from = Math.max(before ?? first, first, next - most);
      if (before !== undefined) skipped += from - before;
      positions.set(shard, from);
      if (from >= next || bytesLeft <= 0) continue;
      const read = await shard.read(from, { frames: most, bytes: bytesLeft });
      positions.set(shard, Math.max(from, read.next));
      for (const frame of read.frames) {
        bytesLeft -= frame.data.length;
        const { partitionKey, data } = decodeRecord(frame.data);
        records.push({
          timeMs: frame.arrivalMs,
          partitionKey,
          shardId: shard.shardId,
          sequenceNumber: shard.sequenceNumber(frame.position),
          bytes: data.length,
          payload: previewPayload(data),
        });
      }
    }
    this.#positions = positions;
    return { records: records.sort((a, b) => a.timeMs - b.timeMs), skipped };
  }
}
