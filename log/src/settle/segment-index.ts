import { crc32 } from "node:zlib";
import type { FileId } from "../format/file-header.js";
import { fileIdHex } from "../format/file-header.js";
import { FrameIndex } from "../shard/frame-index.js";

/*
 * What a segment holds, as an entry of its shard's sidecar. Little endian: 0 "HDWIDX\r\n", 8 u32 format version,
 * 12 u32 checksum of bytes 16 to the end, 16 u64 file id, 24 u32 its length, 28 u32 0, 32 float64s: the summary's fields,
 * then five arrays of one number per run.
 */
const magic = Buffer.from("HDWIDX\r\n", "latin1");
const version = 1;
const headBytes = 32;
const summaryFields = 9;

/** Where a state lies in its file. */
export interface StatePlace {
  readonly offset: number;
  readonly bytes: number;
  readonly position: number;
  readonly number: number;
}

export interface SegmentContent {
  /** Where what it holds ends. */
  readonly coveredBytes: number;
  readonly index: FrameIndex;
  readonly state: StatePlace | undefined;
}

export function encodeSegmentIndex(fileId: FileId, content: SegmentContent): Buffer {
  const { index, state } = content;
  const summary = [content.coveredBytes, index.runs, index.payloadBytes, index.next, index.lastArrivalMs];
  const place = state === undefined ? [-1, 0, 0, 0] : [state.offset, state.bytes, state.position, state.number];
  const numbers = new Float64Array(summaryFields + 5 * index.runs);
  numbers.set(summary);
  numbers.set(place, summary.length);
  arraysOf(index).forEach((array, i) => numbers.set(array, summaryFields + i * index.runs));
  const bytes = Buffer.alloc(headBytes + numbers.byteLength);
  magic.copy(bytes);
  bytes.writeUInt32LE(version, 8);
  bytes.writeUInt32LE(fileId.low, 16);
  bytes.writeUInt32LE(fileId.high, 20);
  bytes.writeUInt32LE(bytes.length, 24);
  Buffer.from(numbers.buffer).copy(bytes, headBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(16)), 12);
  return bytes;
}

/** An intact entry of a sidecar. */
export interface IndexEntry {
  readonly fileIdHex: string;
  readonly bytes: Buffer;
}

/** The intact entries of a sidecar. Damage costs the entries that it hit. */
export function* indexEntries(sidecar: Buffer): Generator<IndexEntry> {
  for (let at = 0; at + headBytes <= sidecar.length;) {
    const entry = entryAt(sidecar, at);
    if (entry !== undefined) {
      yield entry;
      at += entry.bytes.length;
    } else {
      const next = sidecar.indexOf(magic, at + 1);
      if (next < 0) return;
      at = next;
    }
  }
}

function entryAt(sidecar: Buffer, at: number): IndexEntry | undefined {
  if (!sidecar.subarray(at, at + magic.length).equals(magic) || sidecar.readUInt32LE(at + 8) !== version)
    return undefined;
  const length = sidecar.readUInt32LE(at + 24);
  if (length < headBytes + summaryFields * 8 || at + length > sidecar.length) return undefined;
  const bytes = sidecar.subarray(at, at + length);
  if (bytes.readUInt32LE(12) !== crc32(bytes.subarray(16))) return undefined;
  return { fileIdHex: fileIdHex({ low: bytes.readUInt32LE(16), high: bytes.readUInt32LE(20) }), bytes };
}

export function decodeSegmentIndex({ bytes }: IndexEntry): SegmentContent {
  // A copy, since the array must lie at a multiple of 8.
  const numbers = new Float64Array(new Uint8Array(bytes.subarray(headBytes)).buffer);
  const [coveredBytes = 0, runs = 0, payloadBytes = 0, next = 0, lastArrivalMs = 0, ...place] = numbers.subarray(
    0,
    summaryFields,
  );
  const index = new FrameIndex();
  arraysOf(index).forEach((array, i) => {
    const from = summaryFields + i * runs;
    for (let run = 0; run < runs; run++) array.push(numbers[from + run]!);
  });
  index.payloadBytes = payloadBytes;
  index.next = next;
  index.lastArrivalMs = lastArrivalMs;
  const [offset = -1, stateBytes = 0, position = 0, number = 0] = place;
  const state = offset < 0 ? undefined : { offset, bytes: stateBytes, position, number };
  return { coveredBytes, index, state };
}

function arraysOf(index: FrameIndex): number[][] {
  return [index.positions, index.arrivals, index.offsets, index.ends, index.payloadsBefore];
}
