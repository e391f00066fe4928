import { parseSequenceNumber } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { enumeration, structure, timestamp } from "../codec/shape.js";
import { sealIterator } from "../streams/sealed-token.js";
import { formatShardId } from "../streams/shard-id.js";
import type { ShardOwner } from "../streams/shard-owner.js";
import type { StreamState } from "../streams/stream-state.js";
import { sequenceNumber, shardId, streamReference } from "./members.js";
import { operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";

const iteratorType = enumeration(
  "AFTER_SEQUENCE_NUMBER",
  "LATEST",
  "AT_TIMESTAMP",
  "AT_SEQUENCE_NUMBER",
  "TRIM_HORIZON",
);

export const getShardIterator = operation(
  structure({
    required: { ShardId: shardId, ShardIteratorType: iteratorType },
    optional: { ...streamReference, StartingSequenceNumber: sequenceNumber, Timestamp: timestamp() },
  }),
  async (input, { service, sealer, now }) => {
    const stream = service.find(streamNameOf(input, service));
    const shard = stream.shard(input.ShardId);
    const position = await startPosition(input, stream, shard, now());
    const { name: streamName, id: streamId } = stream;
    const { shardNumber } = shard;
    return {
      ShardIterator: sealIterator(sealer, { streamName, streamId, shardNumber, position, createdMs: now() }),
    };
  },
);

interface Start {
  readonly ShardIteratorType:
    "AFTER_SEQUENCE_NUMBER" | "LATEST" | "AT_TIMESTAMP" | "AT_SEQUENCE_NUMBER" | "TRIM_HORIZON";
  readonly StartingSequenceNumber?: string;
  readonly Timestamp?: number;
}

function startPosition(input: Start, stream: StreamState, shard: ShardOwner, nowMs: number): number | Promise<number> {
  const { ShardIteratorType: type, StartingSequenceNumber: number, Timestamp: timeMs } = input;
  if (type === "AT_TIMESTAMP") return positionAt(timeMs, shard, nowMs);
  const isRelative = type === "AT_SEQUENCE_NUMBER" || type === "AFTER_SEQUENCE_NUMBER";
  if (isRelative !== (number !== undefined)) throw badCombination(type, isRelative ? "no" : "also a");
  const { first, next } = shard.bounds();
  if (number === undefined) return type === "LATEST" ? next : first;
  const position = positionOf(number, stream, shard);
  return type === "AT_SEQUENCE_NUMBER" ? position : Math.min(position + 1, next);
}

function positionAt(timeMs: number | undefined, shard: ShardOwner, nowMs: number): Promise<number> {
  if (timeMs === undefined) {
    throw new CloudError(
      "argument-invalid",
      "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. " +
        "Current request has no timestamp parameter.",
    );
  }
  if (timeMs > nowMs) {
    throw new CloudError(
      "argument-invalid",
      "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. " +
        `timestampInMillis: ${timeMs}, currentTimestampInMillis: ${nowMs}`,
    );
  }
  return shard.positionAtTime(timeMs);
}

/** The position that a sequence number of this shard stands for; the shard's starting number counts as one. */
function positionOf(text: string, stream: StreamState, shard: ShardOwner): number {
  const { shardId } = shard;
  const parsed = parseSequenceNumber(text);
  const owner = stream.shards.find(({ epoch }) => epoch === parsed?.shardEpoch);
  if (parsed !== undefined && owner !== undefined && owner !== shard) {
    throw new CloudError(
      "argument-invalid",
      `Invalid StartingSequenceNumber. It encodes ${formatShardId(owner.shardNumber)}, ` +
        `while it was used in a call to a shard with ${shardId}`,
    );
  }
  if (parsed === undefined || owner === undefined || parsed.position > shard.bounds().next) {
    const why = parsed !== undefined && owner === undefined ? " because it did not come from this stream" : "";
    throw new CloudError(
      "argument-invalid",
      `StartingSequenceNumber ${text} used in GetShardIterator on ${shard.place} is invalid${why}.`,
    );
  }
  return parsed.position;
}

function badCombination(type: string, has: "no" | "also a"): CloudError {
  return new CloudError(
    "argument-invalid",
    "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or " +
      "(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. " +
      `Request specified ${type} and ${has} StartingSequenceNumber.`,
  );
}
