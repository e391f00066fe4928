import type { ClientError } from "../client-error.js";

/** Where a record was stored. */
export interface PutAcknowledgement {
  readonly shardId: string;
  readonly sequenceNumber: string;
  /** Its place in the aggregate, from 0; 0 for a record of its own. */
  readonly subSequenceNumber: number;
}

/** A record on its way, and who waits for it. */
export interface QueuedPut {
  /** Of the call among all calls: what waits keeps it, whatever queue it is in. */
  readonly order: number;
  readonly partitionKey: string;
  /** As the caller gave it. */
  readonly explicitHashKey: string | undefined;
  /** What chooses the shard. */
  readonly hashKey: bigint;
  readonly data: Uint8Array;
  /** Memory that it takes. */
  readonly bytes: number;
  /** Monotonic; from then on it is given up. */
  readonly deadlineMs: number;
  readonly resolve: (acknowledgement: PutAcknowledgement) => void;
  readonly reject: (error: ClientError) => void;
}
