import { crc32 } from "node:zlib";
import type { Disk } from "../api.js";
import { readWhole } from "../files/atomic-file.js";
import type { LogFile } from "../files/log-file.js";
import { FrameIndex } from "../shard/frame-index.js";

/*
 * The sidecar of a segment, little endian: 0 "HDWIDX\r\n", 8 u32 format version, 12 u32 checksum of bytes 16 to the
 * end, 16 u64 file id, 24 float64s: the summary's fields, then five arrays of one number per run.
 *
 * It is written without a sync after the segment's own: a crash may lose it, and then the segment is scanned.
 */
const magic = Buffer.from("HDWIDX\r\n", "latin1");
const version = 1;
const headBytes = 24;
const summaryFields = 8;
/** Most segments hold a few MiB, and have no more to say. */
const likelyBytes = 4096;

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

export function segmentIndexPath(segmentPath: string): string {
  return segmentPath.replace(/\.segment$/, ".index");
}

export async function writeSegmentIndex(
  disk: Disk,
  segment: LogFile,
  path: string,
  content: SegmentContent,
): Promise<void> {
  const { index, state } = content;
  const summary = [content.coveredBytes, index.runs, index.payloadBytes, index.next, index.lastArrivalMs];
  const place = state === undefined ? [-1, 0, 0, 0] : [state.offset, state.bytes, state.position, state.number];
  const numbers = new Float64Array(summaryFields + 1 + 5 * index.runs);
  numbers.set(summary);
  numbers.set(place, summary.length);
  arraysOf(index).forEach((array, i) => numbers.set(array, summaryFields + 1 + i * index.runs));
  const body = Buffer.from(numbers.buffer);
  const head = Buffer.alloc(headBytes);
  magic.copy(head);
  head.writeUInt32LE(version, 8);
  head.writeUInt32LE(segment.fileId.low, 16);
  head.writeUInt32LE(segment.fileId.high, 20);
  head.writeUInt32LE(crc32(body, crc32(head.subarray(16))), 12);
  await disk.remove(path);
  const file = await disk.open(path, "create");
  try {
    await file.write([head, body], 0);
  } finally {
    await file.close();
  }
}

/** Undefined where the sidecar is not intact, or another segment's. */
export async function readSegmentIndex(
  disk: Disk,
  fileIdHex: string,
  path: string,
): Promise<SegmentContent | undefined> {
  const bytes = await readWhole(disk, path, likelyBytes);
  if (bytes.length < headBytes + (summaryFields + 1) * 8 || !bytes.subarray(0, 8).equals(magic)) return undefined;
  if (bytes.readUInt32LE(8) !== version || bytes.readUInt32LE(12) !== crc32(bytes.subarray(16))) return undefined;
  const id =
    bytes.readUInt32LE(20).toString(16).padStart(8, "0") + bytes.readUInt32LE(16).toString(16).padStart(8, "0");
  const numbers = new Float64Array(new Uint8Array(bytes.subarray(headBytes)).buffer);
  const [coveredBytes = 0, runs = 0, payloadBytes = 0, next = 0, lastArrivalMs = 0, ...place] = numbers.subarray(0, 9);
  if (id !== fileIdHex || numbers.length !== summaryFields + 1 + 5 * runs) return undefined;
  const index = new FrameIndex();
  arraysOf(index).forEach((array, i) => {
    const from = summaryFields + 1 + i * runs;
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
