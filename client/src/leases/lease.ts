/** Where reading goes on: the last user record that is done, or one of the words of {@link startWords}, or the end. */
export interface Checkpoint {
  /** A sequence number, or `TRIM_HORIZON`, `LATEST`, `AT_TIMESTAMP`, `SHARD_END`. */
  readonly sequenceNumber: string;
  /** Of the user record within an aggregate; 0 for a plain record. */
  readonly subSequenceNumber: number;
}

export const SHARD_END = "SHARD_END";

/** What stands for a place before any record. */
export const startWords: ReadonlySet<string> = new Set(["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]);

/** The whole shard is done. */
export const shardEnd: Checkpoint = { sequenceNumber: SHARD_END, subSequenceNumber: 0 };

/** Orders checkpoints of one shard: start words, sequence numbers as numbers, then the end. */
export function compareCheckpoints(a: Checkpoint, b: Checkpoint): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (rankOf(a) !== 1) return 0;
  return compareSequenceNumbers(a.sequenceNumber, b.sequenceNumber) || a.subSequenceNumber - b.subSequenceNumber;
}

/** Decimal numbers of any length, without leading zeros. */
export function compareSequenceNumbers(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

function rankOf({ sequenceNumber }: Checkpoint): number {
  if (startWords.has(sequenceNumber)) return 0;
  return sequenceNumber === SHARD_END ? 2 : 1;
}

/**
 * A shard's place in an application: who reads it, and how far that is. Names as in the Kinesis Client Library's lease
 * table, where they are of that table.
 */
export interface Lease {
  /** The shard's id. */
  readonly leaseKey: string;
  /** The worker that reads, or will once it is handed over; null where anybody may take it. */
  readonly leaseOwner: string | null;
  /** Rises with each write of the owner: while it does, the owner lives. */
  readonly leaseCounter: number;
  readonly checkpoint: string;
  readonly checkpointSubSequenceNumber: number;
  /** The worker that read before and may finish what it has begun; null where nobody does. */
  readonly checkpointOwner: string | null;
  readonly ownerSwitchesSinceCheckpoint: number;
  /** Empty for a shard whose parents are gone. */
  readonly parentShardIds: readonly string[];
  /** Decimal, inclusive. */
  readonly startingHashKey: string;
  readonly endingHashKey: string;
  /** For `AT_TIMESTAMP`: milliseconds since 1970; null otherwise. Ours: the KCL keeps it in its configuration. */
  readonly startingTimestampMs: number | null;
}

/** What changes of a lease once it is there. */
export type LeaseState = Pick<
  Lease,
  | "leaseOwner"
  | "leaseCounter"
  | "checkpoint"
  | "checkpointSubSequenceNumber"
  | "checkpointOwner"
  | "ownerSwitchesSinceCheckpoint"
>;

export function checkpointOf({ checkpoint, checkpointSubSequenceNumber }: Lease): Checkpoint {
  return { sequenceNumber: checkpoint, subSequenceNumber: checkpointSubSequenceNumber };
}

export function isFinished({ checkpoint }: Lease): boolean {
  return checkpoint === SHARD_END;
}
