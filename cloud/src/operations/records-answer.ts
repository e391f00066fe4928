import {
  type FramePage,
  frameEntryBytes,
  type FramePiece,
  instantiate,
  type KernelExports,
  type KernelNumber,
} from "@headwater/log";
import { encodeJson } from "../codec/json.js";
import type { BulkAnswer, Output } from "../codec/wire-codec.js";
import { wasm } from "../kernels/records-json.wasm.js";
import type { RequestMemory } from "../request-memory.js";
import type { ShardOwner } from "../streams/shard-owner.js";
import { dataAtOf, decodeRecord } from "../streams/stored-record.js";
import { Chunks } from "./chunks.js";

/** What kernels/records-json.ts exports. */
interface RecordsJsonKernel extends KernelExports {
  readonly begin: () => void;
  readonly write: (first: number, count: number, base: number) => number;
  readonly inputAt: KernelNumber;
  readonly inputBytesMax: KernelNumber;
  readonly entriesAt: KernelNumber;
  readonly entriesMax: KernelNumber;
  readonly startAt: KernelNumber;
  readonly outputAt: KernelNumber;
  readonly written: KernelNumber;
}

const kernel = instantiate(wasm) as RecordsJsonKernel;
const kernelMemory = Buffer.from(kernel.memory.buffer);
const inputAt = kernel.inputAt.value;
const inputBytesMax = kernel.inputBytesMax.value;
const entriesAt = kernel.entriesAt.value;
const entriesMax = kernel.entriesMax.value;
const startAt = kernel.startAt.value;
const outputAt = kernel.outputAt.value;

const HEAD = Buffer.from('{"Records":[');

/** An answer of stored records. As JSON it is written straight from their bytes, without a value for each of them. */
export class RecordsAnswer implements BulkAnswer {
  readonly #shard: Pick<ShardOwner, "sequenceNumber">;
  readonly #page: FramePage;
  readonly #rest: { readonly [member: string]: Output };

  /** @param rest the members beside the records. */
  constructor(shard: Pick<ShardOwner, "sequenceNumber">, page: FramePage, rest: { readonly [member: string]: Output }) {
    this.#shard = shard;
    this.#page = page;
    this.#rest = rest;
  }

  toValues(): Output {
    const Records: Output[] = [];
    for (const piece of this.#page.pieces) for (let i = 0; i < piece.frames; i++) Records.push(this.#record(piece, i));
    return { Records, ...this.#rest };
  }

  toJson(memory?: RequestMemory): readonly Buffer[] {
    const json = new Chunks(this.#page.payloadBytes * 1.5, memory);
    json.add(HEAD);
    this.#begin();
    for (const piece of this.#page.pieces) this.#addPiece(json, piece);
    json.add(Buffer.from(`],${encodeJson(this.#rest).slice(1)}`)); // without its brace
    return json.all();
  }

  #begin(): void {
    const number = this.#shard.sequenceNumber(0);
    kernelMemory.write(`,{"SequenceNumber":"${number}","ApproximateArrivalTimestamp":`, startAt, "latin1");
    kernel.begin();
  }

  #addPiece(json: Chunks, piece: FramePiece): void {
    for (let i = 0; i < piece.frames;) {
      const [first, base] = [i, piece.frameAt(i)];
      const count = load(piece, first);
      while (i < first + count) {
        const bytes = kernel.write(i - first, count, base);
        if (bytes > 0) addRecords(json, kernelMemory.subarray(outputAt, outputAt + bytes));
        i += kernel.written.value;
        // A key that is not plain is left to the library.
        if (i < first + count) addRecords(json, this.#json(piece, i++));
      }
      if (count === 0) addRecords(json, this.#json(piece, i++));
    }
  }

  #json(piece: FramePiece, index: number): Buffer {
    return Buffer.from(`,${encodeJson(this.#record(piece, index))}`);
  }

  #record(piece: FramePiece, index: number): Output {
    const { partitionKey, data } = decodeRecord(piece.payload(index));
    return {
      SequenceNumber: this.#shard.sequenceNumber(piece.position(index)),
      ApproximateArrivalTimestamp: new Date(piece.arrivalMs(index)),
      Data: data,
      PartitionKey: partitionKey,
    };
  }
}

/** How many bytes of data a page's records have, without their keys. */
export function dataBytes({ pieces }: FramePage): number {
  let bytes = 0;
  for (const piece of pieces) {
    for (let i = 0; i < piece.frames; i++) bytes += piece.payloadEnd(i) - dataAtOf(piece.bytes, piece.payloadAt(i));
  }
  return bytes;
}

/** Puts as many records as there is room for where the kernel reads them; answers how many. */
function load(piece: FramePiece, first: number): number {
  const base = piece.frameAt(first);
  let end = Math.min(piece.frames, first + entriesMax);
  while (end > first && piece.payloadEnd(end - 1) - base > inputBytesMax) end--;
  if (end === first) return 0;
  piece.bytes.copy(kernelMemory, inputAt, base, piece.payloadEnd(end - 1));
  kernelMemory.set(new Uint8Array(piece.table, first * frameEntryBytes, (end - first) * frameEntryBytes), entriesAt);
  return end - first;
}

/** @param records each after a comma. */
function addRecords(json: Chunks, records: Buffer): void {
  json.add(json.bytes === HEAD.length ? records.subarray(1) : records);
}
