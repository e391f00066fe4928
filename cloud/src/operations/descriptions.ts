import type { HashKeyRange } from "@headwater/protocol";
import type { Output } from "../codec/wire-codec.js";
import type { ShardDescription, StreamDescription } from "../streams/stream.js";
import type { StreamState } from "../streams/stream-state.js";

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
export function streamSettings({ retentionHours, shardLevelMetrics, encryptionKeyId }: StreamDescription): Members {
  return {
    RetentionPeriodHours: retentionHours,
    EnhancedMonitoring: [{ ShardLevelMetrics: shardLevelMetrics }],
    EncryptionType: encryptionKeyId === undefined ? "NONE" : "KMS",
    KeyId: encryptionKeyId,
  };
}

/** What is said of records that are encrypted; AWS says nothing of others. */
export function encryption(stream: StreamState | undefined): { readonly EncryptionType?: "KMS" } {
  return stream?.settings.encryptionKeyId === undefined ? {} : { EncryptionType: "KMS" };
}

export function shard(described: ShardDescription): Members {
  const [parent, adjacentParent] = described.parents;
  return {
    ShardId: described.shardId,
    ParentShardId: parent,
    AdjacentParentShardId: adjacentParent,
    HashKeyRange: hashKeyRange(described),
    SequenceNumberRange: {
      StartingSequenceNumber: described.startingSequenceNumber,
      EndingSequenceNumber: described.endingSequenceNumber,
    },
  };
}

/** A shard as whoever read its parent to the end is told of it. */
export function childShard(described: ShardDescription): Members {
  return {
    ShardId: described.shardId,
    ParentShards: described.parents,
    HashKeyRange: hashKeyRange(described),
  };
}

function hashKeyRange({ startingHashKey, endingHashKey }: HashKeyRange): Members {
  return { StartingHashKey: startingHashKey.toString(), EndingHashKey: endingHashKey.toString() };
}
