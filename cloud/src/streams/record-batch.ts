import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { HashKeyRange } from "@headwater/protocol";
import type { RequestMemory } from "../request-memory.js";
import type { HashRouter } from "./hash-router.js";
import { storedKeyAt, writeRecordStart } from "./stored-record.js";
import type { NewRecord } from "./stream.js";

/*
 * What is known of a record beside its bytes, in the machine's byte order but for the hash key. The kernel that reads requests
 * writes it, too (kernels/put-records.ts).
 *
 *   0 f64 first 48 bits of its hash key      24 u32 where it ends among the stored bytes of all
 *   8 u8[16] hash key, big endian            28 u32 bytes of its partition key and data
 *                                            32 u32 CRC-32 of its stored bytes
 */
export const ENTRY_BYTES = 40;
const ENTRY_NUMBERS = ENTRY_BYTES / Float64Array.BYTES_PER_ELEMENT;
const ENTRY_WORDS = ENTRY_BYTES / Uint32Array.BYTES_PER_ELEMENT;
const HASH_KEY_AT = 8;
const END_WORD = 6;
const LIMIT_BYTES_WORD = 7;
const CHECKSUM_WORD = 8;

/**
 * The records of one call as they will lie in the log (stored-record.ts), one after the other in one piece of memory: a
 * call of 500 costs a few allocations instead of thousands.
 */
export class RecordBatch {
  readonly count: number;
  /** Of all records as they will be stored, one after the other. */
  readonly bytes: Buffer;
  readonly #entries: ArrayBuffer;
  readonly #numbers: Float64Array;
  readonly #words: Uint32Array;

  /**
   * @param bytes the records as they are stored.
   * @param entries of each record, in their order.
   */
  constructor(bytes: Buffer, entries: ArrayBuffer) {
    this.count = entries.byteLength / ENTRY_BYTES;
    this.bytes = bytes;
    this.#entries = entries;
    this.#numbers = new Float64Array(entries);
    this.#words = new Uint32Array(entries);
  }

  /** @param memory where they are to lie; by default new memory. */
  static of(records: readonly NewRecord[], memory?: RequestMemory): RecordBatch {
    const sizes = records.map(({ partitionKey, data }) => Buffer.byteLength(partitionKey) + data.length);
    const starts = records.reduce((sum, { explicitHashKey }) => sum + storedKeyAt(explicitHashKey), 0);
    const bytesOfAll = sizes.reduce((sum, size) => sum + size, starts);
    const bytes = memory?.take(bytesOfAll) ?? Buffer.allocUnsafe(bytesOfAll);
    const entries = new ArrayBuffer(records.length * ENTRY_BYTES);
    const numbers = new Float64Array(entries);
    const words = new Uint32Array(entries);
    let at = 0;
    for (const [i, { partitionKey, explicitHashKey, data }] of records.entries()) {
      const limitBytes = sizes[i]!;
      const keyAt = writeRecordStart(bytes, at, limitBytes - data.length, explicitHashKey);
      bytes.write(partitionKey, keyAt);
      bytes.set(data, keyAt + limitBytes - data.length);
      const hashKey = Buffer.from(entries, i * ENTRY_BYTES + HASH_KEY_AT);
      if (explicitHashKey === undefined) hashKey.set(hash("md5", partitionKey, "buffer"));
      else hashKey.set(bytes.subarray(keyAt - 16, keyAt));
      const from = at;
      at = keyAt + limitBytes;
      words[i * ENTRY_WORDS + CHECKSUM_WORD] = crc32(bytes.subarray(from, at));
      numbers[i * ENTRY_NUMBERS] = hashKey.readUIntBE(0, 6);
      words[i * ENTRY_WORDS + END_WORD] = at;
      words[i * ENTRY_WORDS + LIMIT_BYTES_WORD] = limitBytes;
    }
    return new RecordBatch(bytes, entries);
  }

  /** A record as it will be stored: a view of the batch's memory. */
  stored(i: number): Buffer {
    return this.bytes.subarray(this.storedFrom(i), this.storedTo(i));
  }

  /** Where {@link stored} begins in {@link bytes}. */
  storedFrom(i: number): number {
    return i === 0 ? 0 : this.storedTo(i - 1);
  }

  storedTo(i: number): number {
    return this.#words[i * ENTRY_WORDS + END_WORD]!;
  }

  /** CRC-32 of {@link stored}. */
  checksum(i: number): number {
    return this.#words[i * ENTRY_WORDS + CHECKSUM_WORD]!;
  }

  /** Bytes of a record's partition key and data, as limits count them. */
  limitBytes(i: number): number {
    return this.#words[i * ENTRY_WORDS + LIMIT_BYTES_WORD]!;
  }

  get limitBytesOfAll(): number {
    let bytes = 0;
    for (let i = 0; i < this.count; i++) bytes += this.limitBytes(i);
    return bytes;
  }

  /** The shard that holds a record's hash key. */
  route<T extends HashKeyRange>(i: number, router: HashRouter<T>): T {
    return router.routeFirst48(this.#numbers[i * ENTRY_NUMBERS]!) ?? router.routeHash(this.hashKey(i));
  }

  /** The MD5 of a record's partition key, or its explicit hash key. */
  hashKey(i: number): bigint {
    const hashKey = new DataView(this.#entries, i * ENTRY_BYTES + HASH_KEY_AT, 16);
    return (hashKey.getBigUint64(0) << 64n) | hashKey.getBigUint64(8);
  }
}
