import type { Output } from "../codec/wire-codec.js";
import type { ShardDescription, StreamDescription } from "../streams/stream.js";

type Members = Readonly<Record<string, Output | undefined>>;

/** What every description of a stream says first. */
export function streamSummary({ name, arn, status, mode, createdMs }: StreamDescription): Members {
  return {
    StreamName: name,
    StreamARN: arn,
    StreamStatus: status,
    StreamModeDetails: { StreamMode: mode },
    StreamCreationTimestamp: new Date(createdMs),
  };
}

/** What DescribeStream and DescribeStreamSummary say beside. */
export function streamSettings({ retentionHours }: StreamDescription): Members {
  return {
    RetentionPeriodHours: retentionHours,
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: "NONE",
  };
}

export function shard({ shardId, startingHashKey, endingHashKey, startingSequenceNumber }: ShardDescription): Members {
  return {
    ShardId: shardId,
    HashKeyRange: { StartingHashKey: startingHashKey.toString(), EndingHashKey: endingHashKey.toString() },
    SequenceNumberRange: { StartingSequenceNumber: startingSequenceNumber },
  };
}
