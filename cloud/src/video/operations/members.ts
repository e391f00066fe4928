import { integer, map, string, structure, timestamp } from "../../codec/shape.js";

// The members that several operations share, with AWS's constraints. Source: the Kinesis Video service models, 2017-09-30.

export const streamName = string({ min: 1, max: 256, pattern: "[a-zA-Z0-9_.-]+" });
export const streamArn = string({
  min: 1,
  max: 1024,
  pattern: "arn:[a-z\\d-]+:kinesisvideo:[a-z0-9-]+:[0-9]+:[a-z]+/[a-zA-Z0-9_.-]+/[0-9]+",
});
export const streamReference = { StreamName: streamName, StreamARN: streamArn };
export const streamReferenceInput = structure({ required: {}, optional: streamReference });
export const version = string({ min: 1, max: 64, pattern: "[a-zA-Z0-9]+" });
export const deviceName = string({ min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" });
export const mediaType = string({
  min: 1,
  max: 128,
  pattern: "[\\w\\-\\.\\+]+/[\\w\\-\\.\\+]+(,[\\w\\-\\.\\+]+/[\\w\\-\\.\\+]+)*",
});
export const tags = map(
  string({ min: 1, max: 128, pattern: "^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$" }),
  string({ max: 256, pattern: "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*" }),
  { min: 1, max: 50 },
);
export const nextToken = string({ max: 1024, pattern: "[a-zA-Z0-9+/=]*" });
export const fragmentNumber = string({ min: 1, max: 128, pattern: "[0-9]+" });
export const hours = integer({ min: 0 });
export const timestampRange = structure({
  required: { StartTimestamp: timestamp(), EndTimestamp: timestamp() },
  optional: {},
});
