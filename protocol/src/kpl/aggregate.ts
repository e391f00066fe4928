import { createHash } from "node:crypto";
import { FieldReader, varintBytes, writeVarint } from "./varint.js";

/*
 * Many user records in one Kinesis record, as the Kinesis Producer Library packs them:
 *
 *     F3 89 9A C2 | AggregatedRecord (Protocol Buffers) | MD5 of that (16)
 *
 *     message AggregatedRecord {
 *       repeated string partition_key_table     = 1;
 *       repeated string explicit_hash_key_table = 2;
 *       repeated Record records                 = 3;
 *     }
 *     message Record {
 *       required uint64 partition_key_index     = 1;
 *       optional uint64 explicit_hash_key_index = 2;
 *       required bytes  data                    = 3;
 *       repeated Tag    tags                    = 4; // not used by any library
 *     }
 *
 * Source: KPL aggregated record format, as AWS publishes it with the KPL.
 */

/** One of the records that were put, before they were packed. */
export interface UserRecord {
  readonly partitionKey: string;
  /** 0 to 2^128 - 1, in decimal. */
  readonly explicitHashKey?: string;
  readonly data: Uint8Array;
}

const MAGIC = Uint8Array.of(0xf3, 0x89, 0x9a, 0xc2);
const DIGEST_BYTES = 16;
const FRAME_BYTES = MAGIC.length + DIGEST_BYTES;

/**
 * Takes an aggregate apart. The records' data are views of the given bytes.
 * @returns undefined where the bytes are no aggregate: a plain record, which anybody may begin with the same four bytes.
 */
export function readAggregate(data: Uint8Array): UserRecord[] | undefined {
  if (data.length < FRAME_BYTES || MAGIC.some((byte, i) => data[i] !== byte)) return undefined;
  const end = data.length - DIGEST_BYTES;
  const digest = createHash("md5").update(data.subarray(MAGIC.length, end)).digest();
  if (!digest.equals(data.subarray(end))) return undefined;
  return readMessage(data, MAGIC.length, end);
}

function readMessage(data: Uint8Array, from: number, to: number): UserRecord[] | undefined {
  const partitionKeys: string[] = [];
  const hashKeys: string[] = [];
  const places: { readonly from: number; readonly to: number }[] = [];
  const reader = new FieldReader(data, from, to);
  const text = (): string =>
    Buffer.from(data.buffer, data.byteOffset + reader.from, reader.to - reader.from).toString();
  while (reader.next()) {
    if (reader.value !== undefined) continue;
    if (reader.field === 1) partitionKeys.push(text());
    else if (reader.field === 2) hashKeys.push(text());
    else if (reader.field === 3) places.push({ from: reader.from, to: reader.to });
  }
  if (reader.isBroken) return undefined;
  const records: UserRecord[] = [];
  // The tables may stand behind the records: Protocol Buffers does not say in which order fields come.
  for (const place of places) {
    const record = readRecord(data, place, partitionKeys, hashKeys);
    if (record === undefined) return undefined;
    records.push(record);
  }
  return records;
}

function readRecord(
  data: Uint8Array,
  { from, to }: { readonly from: number; readonly to: number },
  partitionKeys: readonly string[],
  hashKeys: readonly string[],
): UserRecord | undefined {
  const reader = new FieldReader(data, from, to);
  let partitionKey: string | undefined;
  let explicitHashKey: string | undefined;
  let payload: Uint8Array | undefined;
  while (reader.next()) {
    const { field, value } = reader;
    if (field === 1 && value !== undefined) partitionKey = partitionKeys[value];
    else if (field === 3 && value === undefined) payload = data.subarray(reader.from, reader.to);
    else if (field === 2 && value !== undefined) {
      explicitHashKey = hashKeys[value];
      if (explicitHashKey === undefined) return undefined;
    }
  }
  if (reader.isBroken || partitionKey === undefined || payload === undefined) return undefined;
  return { partitionKey, ...(explicitHashKey === undefined ? {} : { explicitHashKey }), data: payload };
}

/** Packs user records, and knows at each moment how large the result is. */
export class AggregateBuilder {
  readonly #partitionKeys = new Table();
  readonly #hashKeys = new Table();
  readonly #records: {
    readonly partitionKeyIndex: number;
    readonly hashKeyIndex: number | undefined;
    readonly data: Uint8Array;
  }[] = [];
  #recordBytes = 0;

  get count(): number {
    return this.#records.length;
  }

  /** Of what {@link finish} would answer now. */
  get bytes(): number {
    return FRAME_BYTES + this.#partitionKeys.bytes + this.#hashKeys.bytes + this.#recordBytes;
  }

  /** What {@link bytes} would be with one record more. */
  bytesWith({ partitionKey, explicitHashKey, data }: UserRecord): number {
    const keyBytes = this.#partitionKeys.bytesToAdd(partitionKey);
    const hashKeyBytes = explicitHashKey === undefined ? 0 : this.#hashKeys.bytesToAdd(explicitHashKey);
    const partitionKeyIndex = this.#partitionKeys.indexOf(partitionKey);
    const hashKeyIndex = explicitHashKey === undefined ? undefined : this.#hashKeys.indexOf(explicitHashKey);
    return this.bytes + keyBytes + hashKeyBytes + fieldBytes(innerBytes({ partitionKeyIndex, hashKeyIndex, data }));
  }

  /** The data is not copied before {@link finish}. */
  add({ partitionKey, explicitHashKey, data }: UserRecord): void {
    const partitionKeyIndex = this.#partitionKeys.add(partitionKey);
    const hashKeyIndex = explicitHashKey === undefined ? undefined : this.#hashKeys.add(explicitHashKey);
    const record = { partitionKeyIndex, hashKeyIndex, data };
    this.#records.push(record);
    this.#recordBytes += fieldBytes(innerBytes(record));
  }

  /** The data of one Kinesis record. */
  finish(): Uint8Array {
    const into = new Uint8Array(this.bytes);
    into.set(MAGIC);
    let at = MAGIC.length;
    for (const [field, table] of [
      [1, this.#partitionKeys],
      [2, this.#hashKeys],
    ] as const)
      for (const entry of table.entries) at = writeBytes(into, at, field, entry);
    for (const record of this.#records) {
      at = writeVarint(into, at, tagOf(3, 2));
      at = writeVarint(into, at, innerBytes(record));
      at = writeVarint(into, writeVarint(into, at, tagOf(1, 0)), record.partitionKeyIndex);
      if (record.hashKeyIndex !== undefined) {
        at = writeVarint(into, writeVarint(into, at, tagOf(2, 0)), record.hashKeyIndex);
      }
      at = writeBytes(into, at, 3, record.data);
    }
    into.set(createHash("md5").update(into.subarray(MAGIC.length, at)).digest(), at);
    return into;
  }
}

/** Texts, each once, by number. */
class Table {
  readonly #indexes = new Map<string, number>();
  readonly entries: Uint8Array[] = [];
  bytes = 0;

  /** That of a text that is not there is the next one. */
  indexOf(text: string): number {
    return this.#indexes.get(text) ?? this.entries.length;
  }

  bytesToAdd(text: string): number {
    return this.#indexes.has(text) ? 0 : fieldBytes(Buffer.byteLength(text));
  }

  add(text: string): number {
    const index = this.indexOf(text);
    if (index === this.entries.length) {
      this.bytes += this.bytesToAdd(text);
      this.#indexes.set(text, index);
      this.entries.push(Buffer.from(text));
    }
    return index;
  }
}

function tagOf(field: number, wireType: number): number {
  return field * 8 + wireType;
}

/** Of a field below 16 that holds bytes. */
function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

function innerBytes(record: {
  readonly partitionKeyIndex: number;
  readonly hashKeyIndex: number | undefined;
  readonly data: Uint8Array;
}): number {
  const hashKeyBytes = record.hashKeyIndex === undefined ? 0 : 1 + varintBytes(record.hashKeyIndex);
  return 1 + varintBytes(record.partitionKeyIndex) + hashKeyBytes + fieldBytes(record.data.length);
}

function writeBytes(into: Uint8Array, at: number, field: number, bytes: Uint8Array): number {
  const from = writeVarint(into, writeVarint(into, at, tagOf(field, 2)), bytes.length);
  into.set(bytes, from);
  return from + bytes.length;
}
