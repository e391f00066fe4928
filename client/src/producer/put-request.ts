import { AggregateBuilder, type HashKeyRange, kinesisLimits } from "@headwater/protocol";
import type { PutEntry } from "../kinesis/stream-api.js";
import type { QueuedPut } from "./queued-put.js";

/** One PutRecords call: entries, and the puts that each carries. */
export interface PutRequest {
  readonly entries: readonly { readonly entry: PutEntry; readonly puts: readonly QueuedPut[] }[];
}

export interface RequestLimits {
  readonly recordsMax: number;
  /** Data and partition keys; a single record may have more. */
  readonly bytesMax: number;
  /** Whether records share one entry. */
  readonly isAggregating: boolean;
}

/** Of the entry that carries an aggregate; its hash key is given, so this chooses nothing. */
const AGGREGATE_KEY = "a";
const AGGREGATE_BYTES_MAX = kinesisLimits.recordBytesMax - AGGREGATE_KEY.length;

/** How many of the queue's first puts go into the next request. */
export function countNext(queue: readonly QueuedPut[], limits: RequestLimits): number {
  return limits.isAggregating ? countAggregated(queue, limits) : countPlain(queue, limits);
}

/** @param range of the shard that all of them are for. */
export function buildRequest(puts: readonly QueuedPut[], isAggregating: boolean, range: HashKeyRange): PutRequest {
  // One alone gains nothing by it.
  if (!isAggregating || puts.length === 1)
    return { entries: puts.map((put) => ({ entry: toEntry(put), puts: [put] })) };
  const builder = new AggregateBuilder();
  for (const put of puts) builder.add(toEntry(put));
  const entry = {
    partitionKey: AGGREGATE_KEY,
    explicitHashKey: String(range.startingHashKey),
    data: builder.finish(),
  };
  return { entries: [{ entry, puts }] };
}

function toEntry({ partitionKey, explicitHashKey, data }: QueuedPut): PutEntry {
  return { partitionKey, data, ...(explicitHashKey === undefined ? {} : { explicitHashKey }) };
}

function countPlain(queue: readonly QueuedPut[], { recordsMax, bytesMax }: RequestLimits): number {
  let bytes = 0;
  let count = 0;
  for (const { data, partitionKey } of queue) {
    bytes += data.length + Buffer.byteLength(partitionKey);
    if (count === recordsMax || (count > 0 && bytes > bytesMax)) break;
    count++;
  }
  return count;
}

function countAggregated(queue: readonly QueuedPut[], { recordsMax, bytesMax }: RequestLimits): number {
  const builder = new AggregateBuilder();
  for (const put of queue) {
    const entry = toEntry(put);
    if (builder.count === recordsMax) break;
    if (builder.count > 0 && builder.bytesWith(entry) > Math.min(bytesMax, AGGREGATE_BYTES_MAX)) break;
    builder.add(entry);
  }
  return builder.count;
}
