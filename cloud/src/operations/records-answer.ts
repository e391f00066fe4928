import {
  type FramePage,
  frameEntryBytes,
  type FramePiece,
  instantiate,
  type KernelExports,
  type KernelNumber,
} from "@headwater/log";
import { encodeCbor } from "../codec/cbor.js";
import { encodeJson } from "../codec/json.js";
import type { BulkAnswer, Output } from "../codec/wire-codec.js";
import { wasm } from "../kernels/records.wasm.js";
import type { RequestMemory } from "../request-memory.js";
import type { ShardOwner } from "../streams/shard-owner.js";
import { dataAtOf, decodeRecord } from "../streams/stored-record.js";
import { Chunks } from "./chunks.js";

/** Writes records that are loaded, from one on, up to one that has to be written with more care; answers its bytes. */
type Write = (first: number, count: number, base: number) => number;

/** What kernels/records.ts exports. */
interface RecordsKernel extends KernelExports {
  readonly begin: () => void;
  readonly writeJson: Write;
  readonly writeCbor: Write;
  readonly writeBase64: (bytes: number) => number;
  readonly jsonRecords: KernelNumber;
  readonly cborRecords: KernelNumber;
  readonly inputAt: KernelNumber;
  readonly inputBytesMax: KernelNumber;
  readonly entriesAt: KernelNumber;
  readonly entriesMax: KernelNumber;
  readonly startAt: KernelNumber;
  readonly outputAt: KernelNumber;
}

const kernel = instantiate(wasm) as RecordsKernel;
const kernelMemory = Buffer.from(kernel.memory.buffer);
const inputAt = kernel.inputAt.value;
const inputBytesMax = kernel.inputBytesMax.value;
const entriesAt = kernel.entriesAt.value;
const entriesMax = kernel.entriesMax.value;
const startAt = kernel.startAt.value;
const outputAt = kernel.outputAt.value;

/** One of the two forms of an answer. */
interface Form {
  readonly write: Write;
  /** How many records it wrote. */
  readonly written: KernelNumber;
  /** Writes a record that the kernel leaves to the library. */
  readonly addRecord: (record: AnsweredRecord, add: Add) => void;
}

type Add = (bytes: Uint8Array) => void;

/** In the order of the answer. */
interface AnsweredRecord {
  readonly [member: string]: Output;
  readonly SequenceNumber: string;
  readonly ApproximateArrivalTimestamp: Date;
  readonly Data: Buffer;
  readonly PartitionKey: string;
}

const jsonForm: Form = {
  write: kernel.writeJson,
  written: kernel.jsonRecords,
  addRecord({ Data, PartitionKey, ...before }, add) {
    add(Buffer.from(`,${encodeJson(before).slice(0, -1)},"Data":"`)); // without its brace
    addBase64(Data, add);
    add(Buffer.from(`",${encodeJson({ PartitionKey }).slice(1)}`));
  },
};
const cborForm: Form = {
  write: kernel.writeCbor,
  written: kernel.cborRecords,
  addRecord: (record, add) => add(encodeCbor(record)),
};

/** Whole groups of three, so that what they become can stand in a row. */
const BASE64_BYTES_AT_ONCE = inputBytesMax - (inputBytesMax % 3);

/** Writes bytes as base64, of which a text of 10 MiB would take four times as long. */
function addBase64(bytes: Buffer, add: Add): void {
  for (let from = 0; from < bytes.length; from += BASE64_BYTES_AT_ONCE) {
    const copied = bytes.copy(kernelMemory, inputAt, from, from + BASE64_BYTES_AT_ONCE);
    add(kernelMemory.subarray(outputAt, outputAt + kernel.writeBase64(copied)));
  }
}

/** What stands around a record's key and data in either form, its numbers included, and what base64 adds to its last bytes. */
const AROUND_RECORD_BYTES = 160;

const JSON_HEAD = Buffer.from('{"Records":[');
const CBOR_RECORDS = encodeCbor("Records");
/** An array's major type, in the first byte of a number. */
const CBOR_ARRAY = 4 << 5;

/** An answer of stored records, written straight from their bytes, without a value for each of them. */
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
    const end = Buffer.from(`],${encodeJson(this.#rest).slice(1)}`); // without its brace
    const json = new Chunks(JSON_HEAD.length + this.#recordsBytes(4 / 3) + end.length, memory);
    json.add(JSON_HEAD);
    // Each comes after a comma.
    this.#addRecords(jsonForm, (records) => json.add(json.bytes === JSON_HEAD.length ? records.subarray(1) : records));
    json.add(end);
    return json.all();
  }

  toCbor(memory?: RequestMemory): readonly Buffer[] {
    const rest = encodeCbor(this.#rest);
    const cbor = new Chunks(CBOR_RECORDS.length + this.#recordsBytes(1) + rest.length, memory);
    cbor.add(Buffer.of(rest[0]! + 1)); // a map of so many members, of which the one with the shortest name is first
    cbor.add(CBOR_RECORDS);
    const count = encodeCbor(this.#page.frames);
    count[0]! |= CBOR_ARRAY;
    cbor.add(count);
    this.#addRecords(cborForm, (records) => cbor.add(records));
    cbor.add(rest.subarray(1));
    return cbor.all();
  }

  /** How long the records become, unless their keys have much to escape. */
  #recordsBytes(dataFactor: number): number {
    return this.#page.frames * AROUND_RECORD_BYTES + this.#page.payloadBytes * dataFactor;
  }

  #addRecords(form: Form, add: Add): void {
    const number = this.#shard.sequenceNumber(0);
    kernelMemory.write(`,{"SequenceNumber":"${number}","ApproximateArrivalTimestamp":`, startAt, "latin1");
    kernel.begin();
    for (const piece of this.#page.pieces) this.#addPiece(piece, form, add);
  }

  #addPiece(piece: FramePiece, { write, written, addRecord }: Form, add: Add): void {
    for (let i = 0; i < piece.frames;) {
      const [first, base] = [i, piece.frameAt(i)];
      const count = load(piece, first);
      while (i < first + count) {
        const bytes = write(i - first, count, base);
        if (bytes > 0) add(kernelMemory.subarray(outputAt, outputAt + bytes));
        i += written.value;
        // A key that is not plain is left to the library.
        if (i < first + count) addRecord(this.#record(piece, i++), add);
      }
      if (count === 0) addRecord(this.#record(piece, i++), add);
    }
  }

  #record(piece: FramePiece, index: number): AnsweredRecord {
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
    for (let i = 0; i < piece.frames; i++) bytes += dataBytesAt(piece, i);
  }
  return bytes;
}

/** How many of them came before a time, in milliseconds since 1970. Arrivals never fall within a shard. */
export function dataBytesBefore({ pieces }: FramePage, timeMs: number): number {
  let bytes = 0;
  for (const piece of pieces) {
    for (let i = 0; i < piece.frames; i++) {
      if (piece.arrivalMs(i) >= timeMs) return bytes;
      bytes += dataBytesAt(piece, i);
    }
  }
  return bytes;
}

function dataBytesAt(piece: FramePiece, index: number): number {
  return piece.payloadEnd(index) - dataAtOf(piece.bytes, piece.payloadAt(index));
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
