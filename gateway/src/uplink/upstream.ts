import type { HashKeyRange, ProducerRequest } from "@headwater/protocol";

/** A shard that takes writes. */
export interface UpstreamShard extends HashKeyRange {
  readonly shardId: string;
}

/** One record as PutRecords takes it. */
export interface PutEntry {
  readonly partitionKey: string;
  readonly explicitHashKey?: string;
  readonly data: Uint8Array;
}

/** What became of one entry. */
export type EntryResult =
  | { readonly shardId: string }
  /** An AWS error code, such as ProvisionedThroughputExceededException. */
  | { readonly errorCode: string; readonly message: string };

/**
 * - `unreachable`: no answer, or one that says nothing of the entries: some may have been taken.
 * - `failing`: it answered that it fails: some may have been taken, and somebody has to look at it.
 * - `throttled`: nothing was taken; later it will be.
 * - `rejecting`: nothing was taken, and somebody has to do something about it: credentials, permissions, region.
 * - `not-found`: there is no such stream.
 * - `refused`: the request will never be taken as it is.
 * - `forgotten`: the request is older than what the upstream remembers: some may have been taken.
 */
export type UpstreamErrorKind =
  "unreachable" | "failing" | "throttled" | "rejecting" | "not-found" | "refused" | "forgotten";

export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  constructor(
    readonly kind: UpstreamErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Where records go: Headwater's cloud or AWS. Every call may fail with an {@link UpstreamError}, and can be aborted. */
export interface Upstream {
  /** The open shards of a stream, by rising hash key. */
  listShards(stream: string, signal: AbortSignal): Promise<UpstreamShard[]>;
  /** Makes a stream of one shard. */
  createStream(stream: string, signal: AbortSignal): Promise<void>;
  /** Sends one request, once. @returns what became of each entry, in their order. */
  putRecords(
    stream: string,
    entries: readonly PutEntry[],
    name: ProducerRequest,
    signal: AbortSignal,
  ): Promise<EntryResult[]>;
}
