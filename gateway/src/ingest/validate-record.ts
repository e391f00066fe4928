import { HASH_KEY_MAX, isPartitionKey, isStreamName, kinesisLimits, type UplinkRecord } from "@headwater/protocol";
import type { DeadLetterReason } from "../spool/dead-letters.js";

interface Problem {
  readonly reason: DeadLetterReason;
  readonly detail: string;
}

/** Says why the upstream would never take a record, or undefined where it would. */
export function problemOf(record: UplinkRecord): Problem | undefined {
  if (!isStreamName(record.stream)) return invalid("stream name");
  if (!isPartitionKey(record.partitionKey)) return invalid("partition key must have 1 to 256 characters");
  if (record.explicitHashKey !== undefined && !isHashKey(record.explicitHashKey)) {
    return invalid("explicit hash key must be a decimal number below 2^128");
  }
  const bytes = record.data.length + Buffer.byteLength(record.partitionKey);
  if (bytes > kinesisLimits.recordBytesMax) {
    const detail = `data and partition key have ${bytes} bytes; at most ${kinesisLimits.recordBytesMax} are allowed`;
    return { reason: "record-too-large", detail };
  }
  return undefined;
}

function invalid(detail: string): Problem {
  return { reason: "invalid-record", detail };
}

function isHashKey(text: string): boolean {
  return /^(0|[1-9]\d{0,38})$/.test(text) && BigInt(text) <= HASH_KEY_MAX;
}
