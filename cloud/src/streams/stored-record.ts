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

/** Bytes before the partition key. */
export function storedKeyAt(explicitHashKey: bigint | undefined): number {
  return FIXED_BYTES + (explicitHashKey === undefined ? 0 : HASH_KEY_BYTES);
}

/** Writes what stands before the partition key, which is so many bytes long; answers where the key goes. */
export function writeRecordStart(
  into: Buffer,
  at: number,
  keyBytes: number,
  explicitHashKey: bigint | undefined,
): number {
  into[at] = VERSION;
  into[at + 1] = explicitHashKey === undefined ? 0 : HAS_EXPLICIT_HASH_KEY;
  into[at + 2] = keyBytes >> 8;
  into[at + 3] = keyBytes & 0xff;
  if (explicitHashKey !== undefined) {
    into.writeBigUInt64BE(explicitHashKey >> 64n, at + FIXED_BYTES);
    into.writeBigUInt64BE(BigInt.asUintN(64, explicitHashKey), at + FIXED_BYTES + 8);
  }
  return at + storedKeyAt(explicitHashKey);
}

/** Where the partition key of the record that is stored at an offset begins. */
export function keyAtOf(bytes: Buffer, at: number): number {
  return at + FIXED_BYTES + ((bytes[at + 1]! & HAS_EXPLICIT_HASH_KEY) === 0 ? 0 : HASH_KEY_BYTES);
}

/** Where it ends and the data begin. */
export function dataAtOf(bytes: Buffer, at: number): number {
  return keyAtOf(bytes, at) + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
}

export function explicitHashKeyOf(bytes: Buffer, at: number): bigint | undefined {
  if ((bytes[at + 1]! & HAS_EXPLICIT_HASH_KEY) === 0) return undefined;
  return (bytes.readBigUInt64BE(at + FIXED_BYTES) << 64n) | bytes.readBigUInt64BE(at + FIXED_BYTES + 8);
}

/** Writes what stands before a record's data. */
export function encodeRecordHead(partitionKey: string, explicitHashKey: bigint | undefined): Buffer {
  const keyBytes = Buffer.byteLength(partitionKey, "utf8");
  const head = Buffer.allocUnsafe(storedKeyAt(explicitHashKey) + keyBytes);
  head.write(partitionKey, writeRecordStart(head, 0, keyBytes, explicitHashKey), "utf8");
  return head;
}

/**
 * Reads a stored record; its data is a view of the same memory.
 * @throws {RangeError} where the bytes are none that {@link encodeRecordHead} began.
 */
export function decodeRecord(frame: Buffer): StoredRecord {
  const version = frame.readUInt8(0);
  if (version !== VERSION) throw new RangeError(`stored record has version ${version}, known is ${VERSION}`);
  const dataAt = dataAtOf(frame, 0);
  if (dataAt > frame.length) throw new RangeError("stored record is shorter than its partition key");
  const record = { partitionKey: frame.toString("utf8", keyAtOf(frame, 0), dataAt), data: frame.subarray(dataAt) };
  const explicitHashKey = explicitHashKeyOf(frame, 0);
  return explicitHashKey === undefined ? record : { ...record, explicitHashKey };
}
