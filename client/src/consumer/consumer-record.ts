import { findByHashKey, hashPartitionKey, type HashKeyRange, readAggregate } from "@headwater/protocol";
import type { RawRecord } from "../kinesis/stream-api.js";
import { type Checkpoint, compareCheckpoints } from "../leases/lease.js";

/** A record as it was put: one of an aggregate counts as one of its own. */
export interface ConsumerRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
  /** Its place in the aggregate, from 0; 0 for a plain record. */
  readonly subSequenceNumber: number;
  readonly partitionKey: string;
  /** Of a record of an aggregate that was put with one; Kinesis does not tell that of others. */
  readonly explicitHashKey?: string;
  readonly data: Uint8Array;
  /** When the service took it, in milliseconds since 1970. */
  readonly arrivedMs: number;
  /**
   * Stores that this record and all before it of its shard are done.
   * @throws {ClientError} `lease-lost`, or what the lease store fails with; then it is stored with the next renewal all the same.
   */
  checkpoint(): Promise<void>;
}

/** A record before it belongs to a lane. */
export type PlainRecord = Omit<ConsumerRecord, "checkpoint">;

/** What of a Kinesis record a shard's reader has to hand out. */
export interface Unpacked {
  readonly records: readonly PlainRecord[];
  /**
   * Of an aggregate, those whose keys are not the shard's: a reshard came between packing and taking, and the producer sends them
   * again to where they belong.
   */
  readonly strays: number;
}

/** @param after what was done before; nothing up to there is handed out. */
export function unpack(raw: RawRecord, shardId: string, range: HashKeyRange, after: Checkpoint): Unpacked {
  const { sequenceNumber, arrivedMs } = raw;
  const isNew = (subSequenceNumber: number): boolean =>
    compareCheckpoints({ sequenceNumber, subSequenceNumber }, after) > 0;
  const packed = readAggregate(raw.data);
  if (packed === undefined) {
    const record = { shardId, subSequenceNumber: 0, ...raw };
    return { records: isNew(0) ? [record] : [], strays: 0 };
  }
  const records: PlainRecord[] = [];
  let strays = 0;
  for (const [subSequenceNumber, { partitionKey, explicitHashKey, data }] of packed.entries()) {
    const hashKey = explicitHashKey === undefined ? hashPartitionKey(partitionKey) : toHashKey(explicitHashKey);
    if (hashKey !== undefined && findByHashKey([range], hashKey) === undefined) strays++;
    else if (isNew(subSequenceNumber)) {
      const given = explicitHashKey === undefined ? {} : { explicitHashKey };
      records.push({ shardId, sequenceNumber, subSequenceNumber, partitionKey, ...given, data, arrivedMs });
    }
  }
  return { records, strays };
}

/** Undefined for what is no number: whoever wrote that meant no shard in particular. */
function toHashKey(text: string): bigint | undefined {
  return /^\d{1,39}$/.test(text) ? BigInt(text) : undefined;
}
