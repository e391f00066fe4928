import { HASH_KEY_MAX } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { violation } from "../codec/reading.js";
import type { RecordBatch } from "../streams/record-batch.js";
import type { NewRecord } from "../streams/stream.js";
import type { StreamState } from "../streams/stream-state.js";

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

/** @throws {CloudError} `argument-invalid`, for what no single member's constraint says. */
export function toNewRecord({ Data, PartitionKey, ExplicitHashKey }: RecordInput): NewRecord {
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

/**
 * Holds records to their stream's limit, which UpdateMaxRecordSize sets.
 * @param memberOf where a record stands in the input, for the message.
 * @throws {CloudError} `constraint-violated`, `stream-not-found`.
 */
export function checkRecordSizes(
  { settings: { maxRecordKib } }: StreamState,
  records: RecordBatch,
  memberOf: (i: number) => string,
): void {
  const bytesMax = maxRecordKib * 1024;
  for (let i = 0; i < records.count; i++) {
    if (records.limitBytes(i) <= bytesMax) continue;
    throw violation(
      // The partition key counts, though AWS does not say so here.
      `Value at '${memberOf(i)}' failed to satisfy constraint: Member must have length less than or equal to ${bytesMax}`,
    );
  }
}
