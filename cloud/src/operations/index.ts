import { describeAccountSettings, describeLimits, updateAccountSettings } from "./account.js";

import { createStream } from "./create-stream.js";
import { deleteStream } from "./delete-stream.js";
import { describeStream } from "./describe-stream.js";
import { describeStreamSummary } from "./describe-stream-summary.js";
import { startStreamEncryption, stopStreamEncryption } from "./encryption.js";
import { disableEnhancedMonitoring, enableEnhancedMonitoring } from "./enhanced-monitoring.js";
import { getRecords } from "./get-records.js";
import { getShardIterator } from "./get-shard-iterator.js";
import { listShards } from "./list-shards.js";
import { listStreams } from "./list-streams.js";
import { updateMaxRecordSize } from "./max-record-size.js";
import { mergeShards } from "./merge-shards.js";
import type { Operation } from "./operation.js";
import { putRecord } from "./put-record.js";
import { putRecords } from "./put-records.js";
import { deleteResourcePolicy, getResourcePolicy, putResourcePolicy } from "./resource-policy.js";
import { listTagsForResource, tagResource, untagResource } from "./resource-tags.js";
import { decreaseStreamRetentionPeriod, increaseStreamRetentionPeriod } from "./retention.js";
import { splitShard } from "./split-shard.js";
import {
  deregisterStreamConsumer,
  describeStreamConsumer,
  listStreamConsumers,
  registerStreamConsumer,
} from "./stream-consumers.js";
import { updateStreamMode } from "./stream-mode.js";
import { addTagsToStream, listTagsForStream, removeTagsFromStream } from "./stream-tags.js";
import { subscribeToShard } from "./subscribe-to-shard.js";
import { unsupportedOperations } from "./unsupported.js";
import { updateShardCount } from "./update-shard-count.js";
import { updateStreamWarmThroughput } from "./warm-throughput.js";

export type { Answer, Operation, OperationContext, RequestFacts, Traffic } from "./operation.js";

/** Data Streams' operations by name, as `X-Amz-Target: Kinesis_20131202.<name>` asks for them. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ["AddTagsToStream", addTagsToStream],
  ["CreateStream", createStream],
  ["DecreaseStreamRetentionPeriod", decreaseStreamRetentionPeriod],
  ["DeleteResourcePolicy", deleteResourcePolicy],
  ["DeleteStream", deleteStream],
  ["DeregisterStreamConsumer", deregisterStreamConsumer],
  ["DescribeAccountSettings", describeAccountSettings],
  ["DescribeLimits", describeLimits],
  ["DescribeStream", describeStream],
  ["DescribeStreamConsumer", describeStreamConsumer],
  ["DescribeStreamSummary", describeStreamSummary],
  ["DisableEnhancedMonitoring", disableEnhancedMonitoring],
  ["EnableEnhancedMonitoring", enableEnhancedMonitoring],
  ["GetRecords", getRecords],
  ["GetResourcePolicy", getResourcePolicy],
  ["GetShardIterator", getShardIterator],
  ["IncreaseStreamRetentionPeriod", increaseStreamRetentionPeriod],
  ["ListShards", listShards],
  ["ListStreamConsumers", listStreamConsumers],
  ["ListStreams", listStreams],
  ["ListTagsForResource", listTagsForResource],
  ["ListTagsForStream", listTagsForStream],
  ["MergeShards", mergeShards],
  ["PutRecord", putRecord],
  ["PutRecords", putRecords],
  ["PutResourcePolicy", putResourcePolicy],
  ["RegisterStreamConsumer", registerStreamConsumer],
  ["RemoveTagsFromStream", removeTagsFromStream],
  ["SplitShard", splitShard],
  ["StartStreamEncryption", startStreamEncryption],
  ["StopStreamEncryption", stopStreamEncryption],
  ["SubscribeToShard", subscribeToShard],
  ["TagResource", tagResource],
  ["UntagResource", untagResource],
  ["UpdateAccountSettings", updateAccountSettings],
  ["UpdateMaxRecordSize", updateMaxRecordSize],
  ["UpdateShardCount", updateShardCount],
  ["UpdateStreamMode", updateStreamMode],
  ["UpdateStreamWarmThroughput", updateStreamWarmThroughput],
  ...unsupportedOperations,
]);
