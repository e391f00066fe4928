import type { HashKeyRange, ProducerRequest } from "@headwater/protocol";

export interface Shard extends HashKeyRange {
  readonly shardId: string;
  /** One after a split, two after a merge; they may be gone. */
  readonly parents: readonly string[];
  /** It takes records. */
  readonly isOpen: boolean;
}

/** A Kinesis record, which may be an aggregate of many. */
export interface RawRecord {
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly data: Uint8Array;
  /** When the service took it, in milliseconds since 1970. */
  readonly arrivedMs: number;
}

export interface RecordPage {
  readonly records: readonly RawRecord[];
  /** Undefined at the end of a closed shard. */
  readonly nextIterator: string | undefined;
  readonly behindMs: number;
}

/** What a subscription was pushed. */
export interface PushedPage extends Omit<RecordPage, "nextIterator"> {
  /** Where the next subscription begins, after this; undefined at the end of a closed shard. */
  readonly continuation: string | undefined;
}

/** Where to begin in a shard. */
export type ReadFrom =
  | { readonly type: "TRIM_HORIZON" | "LATEST" }
  | { readonly type: "AT_TIMESTAMP"; readonly timestampMs: number }
  | { readonly type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER"; readonly sequenceNumber: string };

export interface PutEntry {
  readonly partitionKey: string;
  readonly explicitHashKey?: string;
  readonly data: Uint8Array;
}

export type PutResult =
  | { readonly shardId: string; readonly sequenceNumber: string }
  /** An AWS error code, such as ProvisionedThroughputExceededException. */
  | { readonly errorCode: string; readonly message: string };

/** What this library asks of Kinesis. Each call is made once, and fails with a ClientError. */
export interface StreamApi {
  /** @param fromMs leaves out shards that ended before; milliseconds since 1970. */
  listShards(stream: string, fromMs: number | undefined, signal: AbortSignal): Promise<Shard[]>;
  /** The service's time, to the second below; milliseconds since 1970. */
  nowMs(stream: string, signal: AbortSignal): Promise<number>;
  shardIterator(stream: string, shardId: string, from: ReadFrom, signal: AbortSignal): Promise<string>;
  getRecords(iterator: string, signal: AbortSignal): Promise<RecordPage>;
  /** Registers a consumer of the stream unless it is, and waits until it is active. @returns its ARN. */
  registerConsumer(stream: string, name: string, signal: AbortSignal): Promise<string>;
  /** Ends by itself after five minutes, or at the end of a closed shard. */
  subscribe(
    consumerArn: string,
    shardId: string,
    from: ReadFrom,
    signal: AbortSignal,
  ): AsyncGenerator<PushedPage, void, undefined>;
  /** @param name tells a repeat from a new request, where the service can. */
  putRecords(
    stream: string,
    entries: readonly PutEntry[],
    name: ProducerRequest,
    signal: AbortSignal,
  ): Promise<PutResult[]>;
  close(): void;
}
