import { isUtf8 } from "node:buffer";
import { UplinkError } from "./uplink-error.js";

/**
 * One record on its way from a device to a stream. The same bytes lie in the device's spool, travel in the envelope
 * and lie in the gateway's spool.
 *
 *     offset  size
 *      0      1   version, 1
 *      1      1   flags: bit 0 explicit hash key present
 *      2      2   stream name, bytes
 *      4      2   partition key, bytes
 *      6      2   explicit hash key, bytes
 *      8      4   boot: the spool's count of device boots, 0 where unknown
 *     12      4   zero
 *     16      8   monotonic time of capture within that boot, ms, float64
 *     24      .   stream name, partition key, explicit hash key (UTF-8), then the data
 *
 * All numbers are little-endian. One record has one encoding: a decoder refuses what an encoder would not write.
 */
export interface UplinkRecord {
  readonly stream: string;
  readonly partitionKey: string;
  /** Decimal digits; overrides the hash of the partition key. */
  readonly explicitHashKey?: string;
  readonly boot: number;
  /** Finite, not negative. */
  readonly monotonicMs: number;
  readonly data: Uint8Array;
}

const VERSION = 1;
const HEADER_BYTES = 24;
const FLAG_EXPLICIT_HASH_KEY = 1;

/** Encodes a record; the data is copied once. */
export function encodeRecord(record: UplinkRecord): Buffer {
  const streamBytes = Buffer.byteLength(record.stream);
  const keyBytes = Buffer.byteLength(record.partitionKey);
  const hashBytes = record.explicitHashKey === undefined ? 0 : Buffer.byteLength(record.explicitHashKey);
  if (streamBytes > 0xffff || keyBytes > 0xffff || hashBytes > 0xffff) {
    throw new UplinkError(
      "field-too-long",
      "stream name, partition key and explicit hash key take at most 65,535 bytes each",
    );
  }
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + streamBytes + keyBytes + hashBytes + record.data.length);
  bytes.writeUInt8(VERSION, 0);
  bytes.writeUInt8(record.explicitHashKey === undefined ? 0 : FLAG_EXPLICIT_HASH_KEY, 1);
  bytes.writeUInt16LE(streamBytes, 2);
  bytes.writeUInt16LE(keyBytes, 4);
  bytes.writeUInt16LE(hashBytes, 6);
  bytes.writeUInt32LE(record.boot, 8);
  bytes.writeUInt32LE(0, 12);
  bytes.writeDoubleLE(record.monotonicMs, 16);
  let at = HEADER_BYTES;
  at += bytes.write(record.stream, at);
  at += bytes.write(record.partitionKey, at);
  if (record.explicitHashKey !== undefined) at += bytes.write(record.explicitHashKey, at);
  bytes.set(record.data, at);
  return bytes;
}

/**
 * Decodes a record; its data is a view into `bytes`.
 * @throws {UplinkError} `unsupported-version` or `malformed-record`.
 */
export function decodeRecord(bytes: Uint8Array): UplinkRecord {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < HEADER_BYTES)
    throw new UplinkError("malformed-record", `a record has at least ${HEADER_BYTES} bytes, this one ${view.length}`);
  if (view.readUInt8(0) !== VERSION)
    throw new UplinkError("unsupported-version", `record version ${view.readUInt8(0)}, known: ${VERSION}`);
  const flags = view.readUInt8(1);
  const hashBytes = view.readUInt16LE(6);
  const hasHash = (flags & FLAG_EXPLICIT_HASH_KEY) !== 0;
  if ((flags & ~FLAG_EXPLICIT_HASH_KEY) !== 0 || view.readUInt32LE(12) !== 0 || (!hasHash && hashBytes > 0))
    throw new UplinkError("malformed-record", `unknown record flags ${flags}`);
  const streamEnd = HEADER_BYTES + view.readUInt16LE(2);
  const keyEnd = streamEnd + view.readUInt16LE(4);
  const hashEnd = keyEnd + hashBytes;
  if (hashEnd > view.length) throw new UplinkError("malformed-record", "the record's fields run past its end");
  if (!isUtf8(view.subarray(HEADER_BYTES, streamEnd)) || !isUtf8(view.subarray(streamEnd, keyEnd)))
    throw new UplinkError("malformed-record", "stream name or partition key is not UTF-8");
  if (!isUtf8(view.subarray(keyEnd, hashEnd)))
    throw new UplinkError("malformed-record", "the explicit hash key is not UTF-8");
  const monotonicMs = view.readDoubleLE(16);
  if (!Number.isFinite(monotonicMs) || monotonicMs < 0)
    throw new UplinkError("malformed-record", "the record has no monotonic time");
  return {
    stream: view.toString("utf8", HEADER_BYTES, streamEnd),
    partitionKey: view.toString("utf8", streamEnd, keyEnd),
    ...(hasHash ? { explicitHashKey: view.toString("utf8", keyEnd, hashEnd) } : {}),
    boot: view.readUInt32LE(8),
    monotonicMs,
    data: view.subarray(hashEnd),
  };
}

/** When an encoded record was captured, read without decoding the rest; `bytes` must be a whole record. */
export function captureOf(bytes: Buffer): { readonly boot: number; readonly monotonicMs: number } {
  return { boot: bytes.readUInt32LE(8), monotonicMs: bytes.readDoubleLE(16) };
}
