import type { HashKeyRange } from "@headwater/protocol";
import type { StreamSettings, StreamStatus } from "../streams/stream.js";
import type { VideoCatalog } from "./video-catalog.js";

/** The cloud's small control state: which streams there are. Every change is durable when it resolves. */
export interface Catalog {
  streams(): Promise<StoredStream[]>;
  stream(streamId: string): Promise<StoredStream | undefined>;
  /** Adds a stream, giving each shard an epoch that no shard had before. */
  addStream(stream: NewStream): Promise<StoredStream>;
  setStatus(streamId: string, status: StreamStatus): Promise<void>;
  /** Replaces what users may change of a stream. */
  setSettings(streamId: string, settings: StreamSettings): Promise<void>;
  /** Replaces when UpdateShardCount was called, in ms since 1970. */
  setShardCountUpdates(streamId: string, timesMs: readonly number[]): Promise<void>;
  removeStream(streamId: string): Promise<void>;

  /**
   * Adds shards that are not open yet, in the order of their numbers, which go on from the stream's highest; each gets an
   * epoch greater than that of every shard made before.
   */
  addShards(streamId: string, shards: readonly NewShard[]): Promise<StoredShard[]>;
  /** Ends a reshard, all at once: closes parents, opens their children. */
  reshard(streamId: string, change: ReshardChange): Promise<void>;
  /** Forgets shards: those of a reshard that a crash cut off, or closed ones that retention has emptied. */
  removeShards(streamId: string, numbers: readonly number[]): Promise<void>;

  consumers(): Promise<StoredConsumer[]>;
  addConsumer(consumer: StoredConsumer): Promise<void>;
  setConsumer(consumer: StoredConsumer): Promise<void>;
  removeConsumer(consumerId: string): Promise<void>;

  /** What the account has set for all its streams; empty until something is. */
  accountSettings(): Promise<Readonly<Record<string, string>>>;
  setAccountSetting(name: string, value: string): Promise<void>;

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
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly settings: StreamSettings;
  /** In the order of their numbers, from 0. */
  readonly hashKeyRanges: readonly HashKeyRange[];
}

export interface StoredStream extends Omit<NewStream, "hashKeyRanges"> {
  /** Rising by number, which may have holes: closed shards go when retention has emptied them. */
  readonly shards: readonly StoredShard[];
  /** Of the next shard. */
  readonly nextShardNumber: number;
  /** When UpdateShardCount was called, in ms since 1970, as far back as its limit asks. */
  readonly shardCountUpdatesMs: readonly number[];
}

/** A shard that a reshard makes. */
export interface NewShard extends HashKeyRange {
  /** Numbers of the shards whose keys it takes over: one after a split, two after a merge. */
  readonly parents: readonly number[];
}

export interface StoredShard extends NewShard {
  readonly number: number;
  /** The shard's own, in its sequence numbers; greater than that of every shard made before it. */
  readonly epoch: number;
  /** The shard's name in the log. */
  readonly logName: string;
  /** Milliseconds since 1970; undefined while the reshard that makes it is under way. */
  readonly openedMs: number | undefined;
  /** Where and when it was closed; undefined while it is open. */
  readonly closed: ShardEnd | undefined;
}

export interface ShardEnd {
  /** The position after its last frame. */
  readonly end: number;
  /** Milliseconds since 1970. */
  readonly closedMs: number;
}

export interface ReshardChange {
  readonly closed: readonly (ShardEnd & { readonly number: number })[];
  readonly opened: readonly number[];
  readonly openedMs: number;
}

/** A registered consumer of enhanced fan-out. */
export interface StoredConsumer {
  /** UUID: one registered anew under an old name is another. */
  readonly id: string;
  readonly streamId: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly policy?: string;
}
