import { decodeRecord, type UplinkRecord } from "@headwater/protocol";
import type { SpoolItem } from "./stream-spool.js";

/**
 * What lies in the gateway's spool for one record: when it was captured, then the record as the device encoded it.
 *
 *     offset  size
 *      0      8   capture time, ms since 1970, float64
 *      8      4   flags: bit 0 the clock was not synchronised; bit 1 the time is that of arrival, not of capture
 *     12      4   zero
 *     16      .   encoded UplinkRecord
 *
 * All numbers are little-endian.
 */
export interface SpoolEntry {
  readonly captureMs: number;
  readonly clockUnsynchronised: boolean;
  /** A plain MQTT client sends no capture time. */
  readonly isArrivalTime: boolean;
  readonly record: Uint8Array;
}

const HEADER_BYTES = 16;
const CLOCK_UNSYNCHRONISED = 1;
const ARRIVAL_TIME = 2;

/** As it lies in the spool; the record is not copied. */
export function encodeSpoolEntry(entry: SpoolEntry): SpoolItem {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeDoubleLE(entry.captureMs, 0);
  const flags = (entry.clockUnsynchronised ? CLOCK_UNSYNCHRONISED : 0) | (entry.isArrivalTime ? ARRIVAL_TIME : 0);
  header.writeUInt32LE(flags, 8);
  return { data: [header, entry.record], bytes: entry.record.length };
}

/**
 * The record of a stored frame; its data is a view into the frame.
 * @throws {UplinkError} where the frame was not written by {@link encodeSpoolEntry} of a valid record.
 */
export function recordOf(frame: Buffer): UplinkRecord {
  return decodeRecord(frame.subarray(HEADER_BYTES));
}
