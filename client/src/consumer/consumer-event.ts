import type { ClientError } from "../client-error.js";

/** What an operator may want to hear of. */
export type ConsumerEvent =
  /** This worker reads the shard from now on. */
  | { readonly type: "shard-taken"; readonly shardId: string }
  /** Read to its end; its children follow. */
  | { readonly type: "shard-ended"; readonly shardId: string }
  /** Another worker asked for it, or this one stops. */
  | { readonly type: "shard-given-back"; readonly shardId: string }
  /** Another worker has it, or it is gone; what was read and not checkpointed is read again there. */
  | { readonly type: "shard-lost"; readonly shardId: string; readonly error: ClientError }
  /** A call failed and is made again. */
  | { readonly type: "failure"; readonly shardId?: string; readonly error: ClientError };

export interface ShardStatus {
  readonly shardId: string;
  /** Of the oldest record that is not done; 0 where there is none. */
  readonly behindMs: number;
  /** Read and not done. */
  readonly bufferedBytes: number;
  /** What is done: a sequence number, or where reading began. */
  readonly checkpoint: string;
}

export interface ConsumerStatus {
  /** The shards that this worker reads. */
  readonly shards: readonly ShardStatus[];
  readonly bufferedBytes: number;
}
