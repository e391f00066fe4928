/** Besides the payload, for each record. */
const OVERHEAD_BYTES = 256;

/** The memory that a record takes, near enough. */
export function recordBytes({
  data,
  partitionKey,
}: {
  readonly data: Uint8Array;
  readonly partitionKey: string;
}): number {
  return data.length + Buffer.byteLength(partitionKey) + OVERHEAD_BYTES;
}
