import { kinesisLimits } from "@headwater/protocol";
import { blob, enumeration, integer, map, string, structure } from "../codec/shape.js";

// The members that several operations share, with AWS's constraints. Source: the Kinesis service model, 2013-12-02.

export const streamName = string({ min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" });
export const streamArn = string({ min: 1, max: 2048, pattern: "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+" });
export const shardId = string({ min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" });
export const sequenceNumber = string({ pattern: "0|([1-9]\\d{0,128})" });
export const nextToken = string({ min: 1, max: 1_048_576 });
export const shardCount = integer({ min: 1, max: 100_000 });
export const pageSize = integer({ min: 1, max: 10_000 });
export const streamModeDetails = structure({
  required: { StreamMode: enumeration("PROVISIONED", "ON_DEMAND") },
  optional: {},
});
export const tagKey = string({ min: 1, max: 128 });
export const tags = map(tagKey, string({ min: 0, max: 256 }), { min: 1, max: 200 });
export const partitionKey = string({ min: 1, max: kinesisLimits.partitionKeyCharactersMax });
export const hashKey = string({ pattern: "0|([1-9]\\d{0,38})" });
export const recordData = blob({ max: kinesisLimits.raisedRecordBytesMax });
export const streamReference = { StreamName: streamName, StreamARN: streamArn };
export const resourceArn = string({
  min: 1,
  max: 2048,
  pattern: "arn:aws.*:kinesis:.*:\\d{12}:.*stream/\\S+",
});
export const consumerName = string({ min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" });
export const consumerArn = string({
  min: 1,
  max: 2048,
  pattern: "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+",
});
export const maxRecordKib = integer({ min: 1024, max: 10_240 });
export const warmThroughputMibps = integer({ min: 0 });
