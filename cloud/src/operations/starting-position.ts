import { parseContinuationNumber, parseSequenceNumber } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { enumeration, type ValueOf } from "../codec/shape.js";
import { formatShardId } from "../streams/shard-id.js";
import type { ShardOwner } from "../streams/shard-owner.js";
import type { StreamState } from "../streams/stream-state.js";
import { readAwsSequenceNumber } from "./aws-sequence-number.js";

export const startingPositionType = enumeration(
  "AFTER_SEQUENCE_NUMBER",
  "LATEST",
  "AT_TIMESTAMP",
  "AT_SEQUENCE_NUMBER",
  "TRIM_HORIZON",
);

/** Where in a shard a reader wants to begin, as AWS's clients say it. */
export interface Start {
  readonly type: ValueOf<typeof startingPositionType>;
  readonly sequenceNumber: string | undefined;
  /** Milliseconds since 1970. */
  readonly timestampMs: number | undefined;
}

/** The operation that is asked, for its messages, and when. */
export interface Asked {
  readonly operation: "GetShardIterator" | "SubscribeToShard";
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * The position of the first record to read.
 * @throws {CloudError} `argument-invalid`.
 */
export function startPosition(
  start: Start,
  stream: StreamState,
  shard: ShardOwner,
  asked: Asked,
): number | Promise<number> {
  const { type, sequenceNumber: number } = start;
  if (type === "AT_TIMESTAMP") return positionAt(start.timestampMs, shard, asked.nowMs);
  const isRelative = type === "AT_SEQUENCE_NUMBER" || type === "AFTER_SEQUENCE_NUMBER";
  if (isRelative !== (number !== undefined)) throw badCombination(type, isRelative ? "no" : "also a");
  const { first, next } = shard.bounds();
  if (number === undefined) return type === "LATEST" ? next : first;
  const { position, isRecord } = placeOf(number, stream, shard, asked);
  return type === "AFTER_SEQUENCE_NUMBER" && isRecord ? Math.min(position + 1, next) : position;
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

/**
 * The position that a number of this shard stands for: a record's, or, of a continuation number, that of the record
 * behind it. The shard's starting number counts as a record's.
 */
function placeOf(
  text: string,
  stream: StreamState,
  shard: ShardOwner,
  { operation }: Asked,
): { position: number; isRecord: boolean } {
  const { shardId } = shard;
  const record = parseSequenceNumber(text);
  const parsed = record ?? parseContinuationNumber(text);
  const owner = stream.shards.find(({ epoch }) => epoch === parsed?.shardEpoch);
  const ofAws = parsed === undefined ? readAwsSequenceNumber(text) : undefined;
  const encoded = ofAws?.shardNumber ?? owner?.shardNumber;
  if (encoded !== undefined && encoded !== shard.shardNumber) {
    throw new CloudError(
      "argument-invalid",
      `Invalid StartingSequenceNumber. It encodes ${formatShardId(encoded)}, ` +
        `while it was used in a call to a shard with ${shardId}`,
    );
  }
  if (parsed === undefined || owner === undefined || parsed.position > shard.bounds().next) {
    const isForeign = ofAws !== undefined || (parsed !== undefined && owner === undefined);
    const why = isForeign ? " because it did not come from this stream" : "";
    throw new CloudError(
      "argument-invalid",
      `StartingSequenceNumber ${text} used in ${operation} on ${shard.place} is invalid${why}.`,
    );
  }
  return { position: parsed.position, isRecord: record !== undefined };
}

function badCombination(type: string, has: "no" | "also a"): CloudError {
  return new CloudError(
    "argument-invalid",
    "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or " +
      "(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. " +
      `Request specified ${type} and ${has} StartingSequenceNumber.`,
  );
}
