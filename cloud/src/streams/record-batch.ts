import type { HashKeyRange } from "@headwater/protocol";
import type { HashRouter } from "./hash-router.js";
import { dataAtOf, explicitHashKeyOf, keyAtOf, storedKeyAt, writeRecordStart } from "./stored-record.js";
import type { NewRecord } from "./stream.js";

/**
 * The records of one call as they will lie in the log (stored-record.ts), one after the other in one piece of memory: a
 * call of 500 costs two allocations instead of thousands.
 */
export class RecordBatch {
  /** Where each record ends. */
  readonly #ends: number[] = [];
  readonly #bytes: Buffer;

  /** @param bytes where the records go, with room for all of them. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  static of(records: readonly NewRecord[]): RecordBatch {
    const sizes = records.map(({ partitionKey, data }) => Buffer.byteLength(partitionKey) + data.length);
    const starts = records.reduce((sum, { explicitHashKey }) => sum + storedKeyAt(explicitHashKey), 0);
    const batch = new RecordBatch(Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + size, starts)));
    for (const record of records) batch.add(record);
    return batch;
  }

  get count(): number {
    return this.#ends.length;
  }

  add({ partitionKey, explicitHashKey, data }: NewRecord): void {
    const keyBytes = Buffer.byteLength(partitionKey);
    const keyAt = writeRecordStart(this.#bytes, this.#end, keyBytes, explicitHashKey);
    this.#bytes.write(partitionKey, keyAt);
    this.#bytes.set(data, keyAt + keyBytes);
    this.#ends.push(keyAt + keyBytes + data.length);
  }

  /**
   * Adds a record whose partition key stands in `source`, and whose data is base64 there, of so many bytes.
   * @returns false, and nothing is added, where that is no base64 of so many bytes.
   */
  addEncoded(
    source: Buffer,
    key: { readonly from: number; readonly to: number },
    data: { readonly from: number; readonly to: number; readonly bytes: number },
    explicitHashKey: bigint | undefined,
  ): boolean {
    const bytes = this.#bytes;
    let at = writeRecordStart(bytes, this.#end, key.to - key.from, explicitHashKey);
    for (let i = key.from; i < key.to; i++) bytes[at++] = source[i]!;
    const text = source.toString("latin1", data.from, data.to);
    // Node's decoder skips what is no base64, and takes the form for URLs too.
    if (text.includes("-") || text.includes("_") || bytes.write(text, at, data.bytes, "base64") !== data.bytes) {
      return false;
    }
    this.#ends.push(at + data.bytes);
    return true;
  }

  /** A record as it will be stored: a view of the batch's memory. */
  stored(i: number): Buffer {
    return this.#bytes.subarray(this.#start(i), this.#ends[i]);
  }

  /** Bytes of a record's partition key and data, as limits count them. */
  limitBytes(i: number): number {
    return this.#ends[i]! - keyAtOf(this.#bytes, this.#start(i));
  }

  /** The shard that holds a record's hash key. */
  route<T extends HashKeyRange>(i: number, router: HashRouter<T>): T {
    const start = this.#start(i);
    const explicitHashKey = explicitHashKeyOf(this.#bytes, start);
    if (explicitHashKey !== undefined) return router.routeHash(explicitHashKey);
    return router.routeKey(this.#bytes, keyAtOf(this.#bytes, start), dataAtOf(this.#bytes, start));
  }

  get #end(): number {
    return this.#ends.at(-1) ?? 0;
  }

  #start(i: number): number {
    return i === 0 ? 0 : this.#ends[i - 1]!;
  }
}
