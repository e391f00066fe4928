import type { HashKeyRange } from "@headwater/protocol";
import type { StreamMode, StreamStatus } from "../streams/stream.js";
import type { VideoCatalog } from "./video-catalog.js";

/** The cloud's small control state: which streams there are. Every change is durable when it resolves. */
export interface Catalog {
  streams(): Promise<StoredStream[]>;
  /** Adds a stream, giving each shard an epoch that no shard had before. */
  addStream(stream: NewStream): Promise<StoredStream>;
  setStatus(streamId: string, status: StreamStatus): Promise<void>;
  removeStream(streamId: string): Promise<void>;
  readonly video: VideoCatalog;
  /** 32 random bytes, made once, that seal iterators and next tokens. */
  tokenKey(): Promise<Buffer>;
  close(): Promise<void>;
}

export interface NewStream {
  /** UUID: a stream made anew under an old name must not see the old one's records. */
  readonly id: string;
  readonly name: string;
  readonly status: StreamStatus;
  readonly mode: StreamMode;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly retentionHours: number;
  readonly tags: Readonly<Record<string, string>>;
  /** In the order of their numbers, from 0. */
  readonly hashKeyRanges: readonly HashKeyRange[];
}

export interface StoredStream extends Omit<NewStream, "hashKeyRanges"> {
  readonly shards: readonly StoredShard[];
}

export interface StoredShard extends HashKeyRange {
  readonly number: number;
  /** The shard's own, in its sequence numbers; greater than that of every shard made before it. */
  readonly epoch: number;
  /** The shard's name in the log. */
  readonly logName: string;
}
