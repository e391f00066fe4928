import type { HashKeyRange } from "@headwater/protocol";
import type { WritePeaks } from "./write-peaks.js";

/** UPDATING: while it is resharded; the catalog does not know it. */
export type StreamStatus = "CREATING" | "ACTIVE" | "UPDATING" | "DELETING";
export type StreamMode = "PROVISIONED" | "ON_DEMAND";

/** What users may change of a stream after its creation. */
export interface StreamSettings {
  readonly mode: StreamMode;
  readonly retentionHours: number;
  /** Milliseconds since 1970: what arrived before had expired when the retention was last changed, and stays so. */
  readonly expiredBeforeMs?: number;
  readonly tags: Readonly<Record<string, string>>;
  /** The largest record, data and partition key together, in KiB. */
  readonly maxRecordKib: number;
  /** The KMS key that clients named; nothing is encrypted with it. Undefined: not encrypted. */
  readonly encryptionKeyId?: string;
  /** Names of the metrics that are kept for each shard. */
  readonly shardLevelMetrics: readonly string[];
  readonly warmThroughputMibps?: number;
  /** Of a stream on demand, by which it scales. */
  readonly writePeaks?: WritePeaks;
  /** A resource policy's JSON. */
  readonly policy?: string;
}

/** A stream as its users see it. */
export interface StreamDescription extends StreamSettings {
  /** UUID. */
  readonly id: string;
  readonly name: string;
  readonly arn: string;
  readonly status: StreamStatus;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  /** Open ones. */
  readonly shardCount: number;
}

/** A shard as its users see it. */
export interface ShardDescription extends HashKeyRange {
  readonly shardId: string;
  /** Ids of the shards whose keys it took over: one after a split, two after a merge. They may be gone. */
  readonly parents: readonly string[];
  /** Milliseconds since 1970. */
  readonly openedMs: number;
  /** Milliseconds since 1970; undefined while it is open. */
  readonly closedMs: number | undefined;
  readonly startingSequenceNumber: string;
  /** Greater than that of every record in it; undefined while it is open. */
  readonly endingSequenceNumber: string | undefined;
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
