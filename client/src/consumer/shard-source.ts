import type { RawRecord, ReadFrom, RecordPage } from "../kinesis/stream-api.js";

/** Who gets what was read of a shard. */
export interface SourceSink {
  /** The memory that records take. */
  bytesOf(records: readonly RawRecord[]): number;
  /** @returns the memory that it takes from now on: all of it, or nothing. */
  offer(page: Omit<RecordPage, "nextIterator">): number;
}

/** A way to read shards: by polling, or by having records pushed. */
export interface ShardSource {
  /** Makes what reading needs, once, before it. @throws {ClientError}; the signal's reason once it is aborted. */
  open(signal: AbortSignal): Promise<void>;
  /**
   * Reads a shard in order; resolves at the end of a closed one.
   * @throws {ClientError} what will not pass by itself; the signal's reason once it is aborted.
   */
  read(shardId: string, from: ReadFrom, sink: SourceSink, signal: AbortSignal): Promise<void>;
}
