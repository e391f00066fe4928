import type { StoredFrame } from "@headwater/log";
import { encodeJson } from "../codec/json.js";
import type { BulkAnswer, Output } from "../codec/wire-codec.js";
import type { RequestMemory } from "../request-memory.js";
import type { ShardOwner } from "../streams/shard-owner.js";
import { dataAtOf, decodeRecord, keyAtOf } from "../streams/stored-record.js";

/** Around a record's values: the members' names, a sequence number, a time, quotes, commas. */
const RECORD_BYTES_MAX = 200;
/** A byte of a partition key takes so many at most, as `\\u001f`. */
const ESCAPED_BYTES_MAX = 6;

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;

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

  toJson(memory?: RequestMemory): Buffer {
    const rest = encodeJson(this.#rest).slice(1); // without its brace
    const bytesMax = this.#bytesMax() + Buffer.byteLength(rest);
    const json = memory?.take(bytesMax) ?? Buffer.allocUnsafe(bytesMax);
    let at = json.write('{"Records":[', 0, "latin1");
    let arrival = "";
    let shownMs: number | undefined;
    for (const [i, { position, arrivalMs, data: stored }] of this.#frames.entries()) {
      const dataAt = dataAtOf(stored, 0);
      if (arrivalMs !== shownMs) {
        shownMs = arrivalMs; // the same for all that were appended together
        arrival = `"ApproximateArrivalTimestamp":${arrivalMs / 1000},"Data":"`;
      }
      const start = `${i === 0 ? "" : ","}{"SequenceNumber":"${this.#shard.sequenceNumber(position)}",${arrival}`;
      at += json.write(start, at, "latin1");
      at += json.write(stored.toString("base64", dataAt), at, "latin1");
      at += json.write('","PartitionKey":', at, "latin1");
      at = writeText(json, at, stored, keyAtOf(stored, 0), dataAt);
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

/** Writes UTF-8 text as a JSON string; answers where it ends. */
function writeText(json: Buffer, start: number, text: Buffer, from: number, to: number): number {
  let at = start;
  json[at++] = QUOTE;
  for (let i = from; i < to; i++) {
    const byte = text[i]!;
    // What is not plain is left to the library, from the start.
    if (byte < SPACE || byte >= DELETE || byte === QUOTE || byte === BACKSLASH) {
      return start + json.write(JSON.stringify(text.toString("utf8", from, to)), start, "utf8");
    }
    json[at++] = byte;
  }
  json[at++] = QUOTE;
  return at;
}
