import type { StoredFrame } from "@headwater/log";
import { encodeJson } from "../codec/json.js";
import type { BulkAnswer, Output } from "../codec/wire-codec.js";
import type { ShardOwner } from "../streams/shard-owner.js";
import { dataAtOf, decodeRecord, keyAtOf } from "../streams/stored-record.js";

/** Around a record's values: the members' names, a sequence number, a time, quotes, commas. */
const RECORD_BYTES_MAX = 200;
/** A byte of a partition key takes so many at most, as `\\u001f`. */
const ESCAPED_BYTES_MAX = 6;

/** GetRecords' answer. As JSON it is written straight from the stored records into one piece of memory. */
export class RecordsAnswer implements BulkAnswer {
  readonly #shard: ShardOwner;
  readonly #frames: readonly StoredFrame[];
  readonly #rest: { readonly [member: string]: Output };

  /** @param rest the members beside the records. */
  constructor(shard: ShardOwner, frames: readonly StoredFrame[], rest: { readonly [member: string]: Output }) {
    this.#shard = shard;
    this.#frames = frames;
    this.#rest = rest;
  }

  toValues(): Output {
    const Records = this.#frames.map(({ position, arrivalMs, data: stored }) => {
      const { partitionKey, data } = decodeRecord(stored);
      return {
        SequenceNumber: this.#shard.sequenceNumber(position),
        ApproximateArrivalTimestamp: new Date(arrivalMs),
        Data: data,
        PartitionKey: partitionKey,
      };
    });
    return { Records, ...this.#rest };
  }

  toJson(): Buffer {
    const rest = encodeJson(this.#rest).slice(1); // without its brace
    const json = Buffer.allocUnsafe(this.#bytesMax() + Buffer.byteLength(rest));
    let at = json.write('{"Records":[', "latin1");
    let arrival = "";
    let shownMs: number | undefined;
    for (const [i, { position, arrivalMs, data: stored }] of this.#frames.entries()) {
      const dataAt = dataAtOf(stored, 0);
      if (arrivalMs !== shownMs) arrival = String(arrivalMs / 1000); // the same for all that were appended together
      shownMs = arrivalMs;
      const record =
        `${i === 0 ? "" : ","}{"SequenceNumber":"${this.#shard.sequenceNumber(position)}",` +
        `"ApproximateArrivalTimestamp":${arrival},"Data":"${stored.toString("base64", dataAt)}","PartitionKey":`;
      at += json.write(record, at, "latin1");
      at += json.write(JSON.stringify(stored.toString("utf8", keyAtOf(stored, 0), dataAt)), at, "utf8");
      json[at++] = 0x7d;
    }
    at += json.write(`],${rest}`, at, "utf8");
    return json.subarray(0, at);
  }

  #bytesMax(): number {
    let bytes = RECORD_BYTES_MAX;
    for (const { data: stored } of this.#frames) {
      const dataAt = dataAtOf(stored, 0);
      bytes += RECORD_BYTES_MAX + dataAt * ESCAPED_BYTES_MAX + Math.ceil((stored.length - dataAt) / 3) * 4;
    }
    return bytes;
  }
}
