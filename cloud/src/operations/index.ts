import { createStream } from "./create-stream.js";
import { deleteStream } from "./delete-stream.js";
import { describeStream } from "./describe-stream.js";
import { describeStreamSummary } from "./describe-stream-summary.js";
import { getRecords } from "./get-records.js";
import { getShardIterator } from "./get-shard-iterator.js";
import { listShards } from "./list-shards.js";
import { listStreams } from "./list-streams.js";
import { mergeShards } from "./merge-shards.js";
import type { Operation } from "./operation.js";
import { putRecord } from "./put-record.js";
import { putRecords } from "./put-records.js";
import { splitShard } from "./split-shard.js";
import { updateShardCount } from "./update-shard-count.js";

export type { Answer, Operation, OperationContext, RequestFacts, Traffic } from "./operation.js";

/** Data Streams' operations by name, as `X-Amz-Target: Kinesis_20131202.<name>` asks for them. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ["CreateStream", createStream],
  ["DeleteStream", deleteStream],
  ["DescribeStream", describeStream],
  ["DescribeStreamSummary", describeStreamSummary],
  ["GetRecords", getRecords],
  ["GetShardIterator", getShardIterator],
  ["ListShards", listShards],
  ["ListStreams", listStreams],
  ["MergeShards", mergeShards],
  ["PutRecord", putRecord],
  ["PutRecords", putRecords],
  ["SplitShard", splitShard],
  ["UpdateShardCount", updateShardCount],
]);
