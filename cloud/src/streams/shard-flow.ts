import { RecentMost } from "./recent-most.js";
import type { RecordBatch } from "./record-batch.js";

/** Source: Kinesis Data Streams pricing: each record counts as so many whole units. */
const PAYLOAD_UNIT_BYTES = 25 * 1024;

/** What went through a shard since the start. */
export interface Flow {
  /** Stored, as limits count it: data and partition keys. */
  readonly bytes: number;
  readonly records: number;
  /** Stored, each record rounded up to whole KiB. */
  readonly roundedBytes: number;
  /** Stored, in units of 25 KiB or a part of it. */
  readonly payloadUnits: number;
  /** Of data that GetRecords answered. */
  readonly bytesRead: number;
  /** The same, of records that came more than 7 days before. */
  readonly longTermBytesRead: number;
  /** Of data that subscribers were sent. */
  readonly bytesPushed: number;
}

/** Counts what goes through a shard. */
export class ShardFlow implements Flow {
  bytes = 0;
  records = 0;
  roundedBytes = 0;
  payloadUnits = 0;
  bytesRead = 0;
  longTermBytesRead = 0;
  bytesPushed = 0;
  /** How far GetRecords calls were behind the tip, in milliseconds. */
  readonly iteratorAgeMs = new RecentMost();

  /** Counts some of a call's records, and answers their bytes. */
  stored(records: RecordBatch, indexes: readonly number[]): number {
    let bytes = 0;
    let roundedKib = 0;
    let units = 0;
    for (const index of indexes) {
      const size = records.limitBytes(index);
      bytes += size;
      roundedKib += (size + 1023) >>> 10;
      units += size <= PAYLOAD_UNIT_BYTES ? 1 : Math.ceil(size / PAYLOAD_UNIT_BYTES);
    }
    this.bytes += bytes;
    this.records += indexes.length;
    this.roundedBytes += roundedKib * 1024;
    this.payloadUnits += units;
    return bytes;
  }

  snapshot(): Flow {
    const { bytes, records, roundedBytes, payloadUnits, bytesRead, longTermBytesRead, bytesPushed } = this;
    return { bytes, records, roundedBytes, payloadUnits, bytesRead, longTermBytesRead, bytesPushed };
  }
}
