import { HASH_KEY_MAX, kinesisLimits } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { violation } from "../codec/shape.js";
import type { NewRecord } from "../streams/stream.js";

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
  if (explicitHashKey > HASH_KEY_MAX) {
    throw new CloudError(
      "argument-invalid",
      "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. " +
        `Specified value was ${ExplicitHashKey}`,
    );
  }
  return { partitionKey: PartitionKey, explicitHashKey, data: Data };
}

/** As limits count: the data and the partition key. */
export function recordBytes(data: Uint8Array, partitionKey: string): number {
  return data.length + Buffer.byteLength(partitionKey);
}
