import type { HashKeyRange } from "@headwater/protocol";

export type StreamStatus = "CREATING" | "ACTIVE" | "DELETING";
export type StreamMode = "PROVISIONED" | "ON_DEMAND";

/** A stream as its users see it. */
export interface StreamDescription {
  readonly name: string;
  readonly arn: string;
  readonly status: StreamStatus;
  readonly mode: StreamMode;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly retentionHours: number;
  readonly shardCount: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** A shard as its users see it. */
export interface ShardDescription extends HashKeyRange {
  readonly shardId: string;
  readonly startingSequenceNumber: string;
}

/** A record read back. */
export interface StreamRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
  /** Milliseconds since 1970, by the server's clock, never falling within a shard. */
  readonly arrivalMs: number;
  readonly partitionKey: string;
  readonly data: Buffer;
}

/** A record to put, as checked by the operation that takes it. */
export interface NewRecord {
  readonly partitionKey: string;
  /** Picks the shard instead of the partition key's hash. */
  readonly explicitHashKey?: bigint;
  readonly data: Uint8Array;
}
