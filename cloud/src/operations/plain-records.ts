import { isUtf8 } from "node:buffer";
import { instantiate, type KernelExports, type KernelNumber } from "@headwater/log";
import { kinesisLimits } from "@headwater/protocol";
import { Reading, structure } from "../codec/shape.js";
import { wasm } from "../kernels/put-records.wasm.js";
import type { BodyBytes } from "../http/body-bytes.js";
import type { RequestMemory } from "../request-memory.js";
import { ENTRY_BYTES, RecordBatch } from "../streams/record-batch.js";
import { streamReference } from "./members.js";
import type { StreamReference } from "./stream-reference.js";

/** Records and the stream that they are for, of either operation that takes some. */
export interface RecordsInput {
  readonly stream: StreamReference;
  readonly records: RecordBatch;
}

/**
 * Reads PutRecords' input straight from the body's bytes, without a value for each record. Answers undefined for
 * whatever is not plainly right: other members, members twice, nulls, escapes that stand for no character, anything over a limit. Then the whole is read as any
 * other input, which alone decides what it means or what is wrong with it.
 */
export function readPlainRecords(body: BodyBytes, memory: RequestMemory): RecordsInput | undefined {
  return read(body, memory, false);
}

/** The same for PutRecord's. */
export function readPlainRecord(body: BodyBytes, memory: RequestMemory): RecordsInput | undefined {
  return read(body, memory, true);
}

/** What kernels/put-records.ts exports. */
interface PutRecordsKernel extends KernelExports {
  readonly begin: (isSingle: number) => void;
  readonly read: (bytes: number, isLast: number) => number;
  readonly inputAt: KernelNumber;
  readonly inputBytesMax: KernelNumber;
  readonly outputAt: KernelNumber;
  readonly entriesAt: KernelNumber;
  readonly count: KernelNumber;
  readonly areKeysAscii: KernelNumber;
  readonly nameFrom: KernelNumber;
  readonly nameTo: KernelNumber;
  readonly arnFrom: KernelNumber;
  readonly arnTo: KernelNumber;
  readonly readBytes: KernelNumber;
  readonly outputBytes: KernelNumber;
}

const NOT_PLAIN = 0;
const READ = 1;

/** As much as is read at a time, so that the nearest caches hold it, unless a record is longer. */
const PART_BYTES = 64 << 10;

const kernel = instantiate(wasm) as PutRecordsKernel;
const kernelMemory = Buffer.from(kernel.memory.buffer);
const inputAt = kernel.inputAt.value;
const inputBytesMax = kernel.inputBytesMax.value;
const outputAt = kernel.outputAt.value;
const entriesAt = kernel.entriesAt.value;
const entryWords = new Uint32Array(kernel.memory.buffer, entriesAt);

const reference = structure({ required: {}, optional: streamReference });

function read(body: BodyBytes, memory: RequestMemory, isSingle: boolean): RecordsInput | undefined {
  // A record as it is stored is shorter than as it stands in the body.
  const stored = memory.take(body.length);
  const input = readInto(stored, body, isSingle);
  if (input === undefined) memory.giveBack(stored); // the long way needs as much
  return input;
}

function readInto(stored: Buffer, body: BodyBytes, isSingle: boolean): RecordsInput | undefined {
  if (!readParts(body, stored, isSingle)) return undefined;
  if (kernel.areKeysAscii.value === 0 && !isUtf8(body.whole())) return undefined;
  const records = new RecordBatch(stored, copyEntries(kernel.count.value));
  if (records.limitBytesOfAll > kinesisLimits.putRecordsBytesMax) return undefined;
  const stream = readReference(body);
  return stream && { stream, records };
}

/** A few are copied word by word: a slice of memory that WebAssembly has costs twice as much. */
const FEW_ENTRIES = 4;

function copyEntries(count: number): ArrayBuffer {
  const bytes = count * ENTRY_BYTES;
  if (count > FEW_ENTRIES) return kernel.memory.buffer.slice(entriesAt, entriesAt + bytes);
  const copy = new Uint32Array(new ArrayBuffer(bytes));
  for (let i = 0; i < copy.length; i++) copy[i] = entryWords[i]!;
  return copy.buffer;
}

/** The last names of streams that were found well formed: nearly all calls say one of them. */
const knownNames = new Map<string, StreamReference>();
const KNOWN_NAMES_MAX = 1024;

/** How a body names its stream; undefined where that is not well formed. */
function readReference(body: BodyBytes): StreamReference | undefined {
  const name = textAt(body, kernel.nameFrom.value, kernel.nameTo.value);
  const arn = textAt(body, kernel.arnFrom.value, kernel.arnTo.value);
  const known = name !== undefined && arn === undefined ? knownNames.get(name) : undefined;
  if (known !== undefined) return known;
  const given = { ...(name !== undefined && { StreamName: name }), ...(arn !== undefined && { StreamARN: arn }) };
  const reading = new Reading("json");
  const { StreamName, StreamARN } = reference.read(given, reading);
  if (!reading.isClean) return undefined;
  const stream = { ...(StreamName && { StreamName }), ...(StreamARN && { StreamARN }) };
  if (name !== undefined && arn === undefined) {
    if (knownNames.size >= KNOWN_NAMES_MAX) knownNames.clear();
    knownNames.set(name, stream);
  }
  return stream;
}

/** Has the kernel read all of a body; answers whether it could. */
function readParts(body: BodyBytes, stored: Buffer, isSingle: boolean): boolean {
  kernel.begin(Number(isSingle));
  let partBytes = PART_BYTES;
  let storedTo = 0;
  for (let from = 0; ;) {
    const to = Math.min(from + partBytes, body.length);
    body.copy(kernelMemory, inputAt, from, to);
    const outcome = kernel.read(to - from, Number(to === body.length));
    if (outcome === NOT_PLAIN) return false;
    storedTo += kernelMemory.copy(stored, storedTo, outputAt, outputAt + kernel.outputBytes.value);
    if (outcome === READ) return true;
    const readBytes = kernel.readBytes.value;
    if (readBytes === 0 && partBytes === inputBytesMax) return false;
    partBytes = readBytes === 0 ? Math.min(partBytes * 4, inputBytesMax) : PART_BYTES;
    from += readBytes;
  }
}

/** A member of ASCII text; undefined where it stands nowhere. */
function textAt(body: BodyBytes, from: number, to: number): string | undefined {
  if (from === 0) return undefined;
  const text = body.latin1(from, to);
  return text.includes("\\") ? unescaped(text) : text;
}

/** What a string of JSON stands for; nothing, which names no stream, where its escapes are none. */
function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return "";
  }
}
