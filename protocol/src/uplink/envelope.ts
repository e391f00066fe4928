import { type EnvelopeHead, envelopeKinds, openEnvelope, sealEnvelope } from "./envelope-head.js";
import { UplinkError } from "./uplink-error.js";

/**
 * The payload of one MQTT message on a device's `records` topic: records of one spool and lane, oldest first.
 *
 *     offset  size
 *      0     28   the {@link EnvelopeHead}, of kind 1
 *     28      4   count of entries
 *     32      .   entries, each: sequence (8), capture time (8, ms since 1970, float64),
 *                 flags (1; bit 0: the clock was not synchronised), zero (3), record bytes (4), record
 *
 * All numbers are little-endian. Sequences rise within (spool id, stream, lane) and may have gaps. One envelope has
 * one encoding: a decoder refuses what an encoder would not write.
 */
export interface RecordsEnvelope extends EnvelopeHead {
  readonly entries: readonly EnvelopeEntry[];
}

export interface EnvelopeEntry {
  readonly sequence: number;
  /** Milliseconds since 1970, 0 to 8.64e15, by the device's clock as it stood when the record was first sent. */
  readonly captureMs: number;
  readonly clockUnsynchronised: boolean;
  /** An encoded {@link UplinkRecord}. */
  readonly record: Uint8Array;
}

/** What an envelope takes besides its entries. */
export const ENVELOPE_HEADER_BYTES = 32;
/** What an entry takes besides its record. */
export const ENTRY_HEADER_BYTES = 24;
const FLAG_CLOCK_UNSYNCHRONISED = 1;
/** The last time that a JavaScript Date can hold. */
const CAPTURE_MS_MAX = 8.64e15;

/** Encodes an envelope; each record is copied once. */
export function encodeRecordsEnvelope({ spoolId, lane, entries }: RecordsEnvelope): Buffer {
  const bytes = Buffer.allocUnsafe(
    entries.reduce((sum, { record }) => sum + ENTRY_HEADER_BYTES + record.length, ENVELOPE_HEADER_BYTES),
  );
  bytes.writeUInt32LE(entries.length, 28);
  let at = ENVELOPE_HEADER_BYTES;
  for (const { sequence, captureMs, clockUnsynchronised, record } of entries) {
    bytes.writeBigUInt64LE(BigInt(sequence), at);
    bytes.writeDoubleLE(captureMs, at + 8);
    bytes.writeUInt32LE(clockUnsynchronised ? FLAG_CLOCK_UNSYNCHRONISED : 0, at + 16);
    bytes.writeUInt32LE(record.length, at + 20);
    bytes.set(record, at + ENTRY_HEADER_BYTES);
    at += ENTRY_HEADER_BYTES + record.length;
  }
  sealEnvelope(bytes, envelopeKinds.records, { spoolId, lane });
  return bytes;
}

/**
 * Decodes an envelope; the records are views into `payload`.
 * @throws {UplinkError} `malformed-envelope`, `unsupported-version` or `corrupt-envelope`.
 */
export function decodeRecordsEnvelope(payload: Uint8Array): RecordsEnvelope {
  const { bytes, spoolId, lane } = openEnvelope(payload, envelopeKinds.records, ENVELOPE_HEADER_BYTES);
  const count = bytes.readUInt32LE(28);
  const entries: EnvelopeEntry[] = [];
  let at = ENVELOPE_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const start = at + ENTRY_HEADER_BYTES;
    if (start > bytes.length) throw new UplinkError("malformed-envelope", `entry ${i} of ${count} runs past the end`);
    const end = start + bytes.readUInt32LE(at + 20);
    if (end > bytes.length) throw new UplinkError("malformed-envelope", `entry ${i} of ${count} runs past the end`);
    const sequence = Number(bytes.readBigUInt64LE(at));
    const captureMs = bytes.readDoubleLE(at + 8);
    const flags = bytes.readUInt32LE(at + 16);
    if (!Number.isSafeInteger(sequence))
      throw new UplinkError("malformed-envelope", `entry ${i} has a sequence over 2^53 - 1`);
    if (!(captureMs >= 0 && captureMs <= CAPTURE_MS_MAX))
      throw new UplinkError("malformed-envelope", `entry ${i} has no capture time`);
    if ((flags & ~FLAG_CLOCK_UNSYNCHRONISED) !== 0)
      throw new UplinkError("malformed-envelope", `entry ${i} has unknown flags ${flags}`);
    entries.push({
      sequence,
      captureMs,
      clockUnsynchronised: flags === FLAG_CLOCK_UNSYNCHRONISED,
      record: bytes.subarray(start, end),
    });
    at = end;
  }
  if (at !== bytes.length)
    throw new UplinkError("malformed-envelope", `${bytes.length - at} bytes after the last entry`);
  return { spoolId, lane, entries };
}
