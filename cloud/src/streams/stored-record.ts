/**
 * A record as it lies in the log, after which follows its data as raw bytes:
 *
 *     version (1) = 1 | flags (1) | partition key bytes (2, big endian) | [explicit hash key (16)] | partition key (UTF-8)
 *
 * Flag 1: the explicit hash key is there.
 */
export interface StoredRecord {
  readonly partitionKey: string;
  readonly explicitHashKey?: bigint;
  readonly data: Buffer;
}

const VERSION = 1;
const HAS_EXPLICIT_HASH_KEY = 1;
const FIXED_BYTES = 4;
const HASH_KEY_BYTES = 16;

/** Writes what stands before a record's data. */
export function encodeRecordHead(partitionKey: string, explicitHashKey: bigint | undefined): Buffer {
  const keyBytes = Buffer.byteLength(partitionKey, "utf8");
  const keyAt = FIXED_BYTES + (explicitHashKey === undefined ? 0 : HASH_KEY_BYTES);
  const head = Buffer.allocUnsafe(keyAt + keyBytes);
  head.writeUInt8(VERSION, 0);
  head.writeUInt8(explicitHashKey === undefined ? 0 : HAS_EXPLICIT_HASH_KEY, 1);
  head.writeUInt16BE(keyBytes, 2);
  if (explicitHashKey !== undefined) {
    head.writeBigUInt64BE(explicitHashKey >> 64n, FIXED_BYTES);
    head.writeBigUInt64BE(BigInt.asUintN(64, explicitHashKey), FIXED_BYTES + 8);
  }
  head.write(partitionKey, keyAt, "utf8");
  return head;
}

/**
 * Reads a stored record; its data is a view of the same memory.
 * @throws {RangeError} where the bytes are none that {@link encodeRecordHead} began.
 */
export function decodeRecord(frame: Buffer): StoredRecord {
  const version = frame.readUInt8(0);
  if (version !== VERSION) throw new RangeError(`stored record has version ${version}, known is ${VERSION}`);
  const hasHashKey = (frame.readUInt8(1) & HAS_EXPLICIT_HASH_KEY) !== 0;
  const keyAt = FIXED_BYTES + (hasHashKey ? HASH_KEY_BYTES : 0);
  const dataAt = keyAt + frame.readUInt16BE(2);
  if (dataAt > frame.length) throw new RangeError("stored record is shorter than its partition key");
  const record = { partitionKey: frame.toString("utf8", keyAt, dataAt), data: frame.subarray(dataAt) };
  if (!hasHashKey) return record;
  const explicitHashKey = (frame.readBigUInt64BE(FIXED_BYTES) << 64n) | frame.readBigUInt64BE(FIXED_BYTES + 8);
  return { ...record, explicitHashKey };
}
