import { HASH_KEY_MAX, kinesisLimits } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { violation } from "../codec/shape.js";
import type { NewRecord } from "../streams/stream.js";

/**
 * 10 MiB of records in base64, 500 partition keys of 256 characters in escapes, and the names of members. A single
 * record gets as much, so that one which is too large is told so in AWS's words.
 */
export const RECORDS_BODY_BYTES_MAX = 16 << 20;

interface RecordInput {
  readonly Data: Uint8Array;
  readonly PartitionKey: string;
  readonly ExplicitHashKey?: string;
}

/**
 * Checks what no single member's constraint says.
 * @param member where the record stands in the input, for the message.
 * @throws {CloudError} `constraint-violated`, `argument-invalid`.
 */
export function toNewRecord({ Data, PartitionKey, ExplicitHashKey }: RecordInput, member: string): NewRecord {
  if (recordBytes(Data, PartitionKey) > kinesisLimits.recordBytesMax) {
    throw violation(
      `Value at '${member}' failed to satisfy constraint: ` +
        `Member and partition key together must have length less than or equal to ${kinesisLimits.recordBytesMax}`,
    );
  }
  if (ExplicitHashKey === undefined) return { partitionKey: PartitionKey, data: Data };
  const explicitHashKey = BigInt(ExplicitHashKey);
  if (!isHashKey(explicitHashKey)) {
    throw new CloudError(
      "argument-invalid",
      "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. " +
        `Specified value was ${ExplicitHashKey}`,
    );
  }
  return { partitionKey: PartitionKey, explicitHashKey, data: Data };
}

/** As many digits as a hash key may have. */
export const HASH_KEY_DIGITS_MAX = String(HASH_KEY_MAX).length;

/** Whether a whole number of 0 or more is a hash key. */
export function isHashKey(value: bigint): boolean {
  return value <= HASH_KEY_MAX;
}

/** As limits count: the data and the partition key. */
function recordBytes(data: Uint8Array, partitionKey: string): number {
  return data.length + Buffer.byteLength(partitionKey);
}
