import { crc32 } from "node:zlib";
import type { FileId, Link } from "../format/file-header.js";
import { sameFileId } from "../format/file-header.js";
import type { FrameIndex } from "../shard/frame-index.js";

/*
 * One checkpoint of a journal's sidecar, little endian:
 *
 *   0 "HDWCKP\r\n"      8 u32 format version          12 u32 checksum of bytes 16 to the end
 *  16 u64 file id      24 u32 its number, from 0      28 u32 its length
 *  32 float64s: from, to, batch, links, states, shards; three for each link, five for each state, nine for each shard
 *     u32s: five for each run, shard by shard
 */
const magic = Buffer.from("HDWCKP\r\n", "latin1");
const version = 1;
const headBytes = 32;
const summaryFields = 6;
const linkFields = 3;
const stateFields = 5;
const shardFields = 9;
const runFields = 5;
const uint32Max = 0xffffffff;

/** Where the newest state of a shard lies in a journal. */
export interface JournalState {
  readonly shard: number;
  readonly number: number;
  /** The state covers the frames before this position. */
  readonly position: number;
  readonly offset: number;
  readonly end: number;
}

/** What a stretch of a journal holds. It ends with a batch, which was acknowledged as all before it. */
export interface Checkpoint {
  readonly from: number;
  readonly to: number;
  /** The number of the last batch. */
  readonly batch: number;
  /** The links of the journal's header. */
  readonly links: readonly Link[];
  readonly states: readonly JournalState[];
  readonly shards: readonly RunsOfShard[];
}

/** The runs of a shard that came since the last checkpoint, or have grown. */
export interface RunsOfShard {
  readonly shard: number;
  /** So many runs from before stay as they were. */
  readonly runsBefore: number;
  readonly index: FrameIndex;
}

/**
 * Undefined where a number is larger than its field: a journal that was open for weeks, or holds gigabytes. Written in place, since
 * thousands of shards may share a journal, and everybody waits meanwhile.
 */
export function encodeCheckpoint(fileId: FileId, number: number, checkpoint: Checkpoint): Buffer | undefined {
  const { from, to, batch, links, states, shards } = checkpoint;
  const shardsAt = summaryFields + links.length * linkFields + states.length * stateFields;
  const fields = shardsAt + shards.length * shardFields;
  let runs = 0;
  for (const { runsBefore, index } of shards) runs += index.runs - runsBefore;
  const bytes = Buffer.from(new ArrayBuffer(headBytes + fields * 8 + runs * runFields * 4));
  const numbers = new Float64Array(bytes.buffer, headBytes, fields);
  const places = new Uint32Array(bytes.buffer, headBytes + fields * 8);
  const before = [from, to, batch, links.length, states.length, shards.length];
  for (const link of links) before.push(link.fileId.low, link.fileId.high, link.sealedBytes);
  for (const { shard, number: stateNumber, position, offset, end } of states)
    before.push(shard, stateNumber, position, offset, end);
  numbers.set(before);
  let place = 0;
  for (let i = 0; i < shards.length; i++) {
    const runsOfShard = shards[i]!;
    writeShard(numbers, shardsAt + i * shardFields, runsOfShard);
    if (!writeRuns(places, place, runsOfShard)) return undefined;
    place += (runsOfShard.index.runs - runsOfShard.runsBefore) * runFields;
  }
  seal(bytes, fileId, number);
  return bytes;
}

function writeShard(numbers: Float64Array, at: number, { shard, runsBefore, index }: RunsOfShard): void {
  numbers[at] = shard;
  numbers[at + 1] = runsBefore;
  numbers[at + 2] = index.runs - runsBefore;
  numbers[at + 3] = index.positions[runsBefore] ?? 0;
  numbers[at + 4] = index.arrivals[runsBefore] ?? 0;
  numbers[at + 5] = index.payloadsBefore[runsBefore] ?? 0;
  numbers[at + 6] = index.payloadBytes;
  numbers[at + 7] = index.next;
  numbers[at + 8] = index.lastArrivalMs;
}

/** Writes runs as differences from the first of them; answers whether all fit. */
function writeRuns(places: Uint32Array, from: number, { runsBefore, index }: RunsOfShard): boolean {
  const { positions, arrivals, offsets, ends, payloadsBefore } = index;
  let at = from;
  for (let run = runsBefore; run < positions.length; run++, at += runFields) {
    const offset = offsets[run]!;
    const position = positions[run]! - positions[runsBefore]!;
    const arrivalMs = arrivals[run]! - arrivals[runsBefore]!;
    const words = offset / 8;
    const length = (ends[run]! - offset) / 8;
    const payload = payloadsBefore[run]! - payloadsBefore[runsBefore]!;
    if (Math.max(position, arrivalMs, words, length, payload) > uint32Max) return false;
    places[at] = position;
    places[at + 1] = arrivalMs;
    places[at + 2] = words;
    places[at + 3] = length;
    places[at + 4] = payload;
  }
  return true;
}

function seal(bytes: Buffer, fileId: FileId, number: number): void {
  magic.copy(bytes);
  bytes.writeUInt32LE(version, 8);
  bytes.writeUInt32LE(fileId.low, 16);
  bytes.writeUInt32LE(fileId.high, 20);
  bytes.writeUInt32LE(number, 24);
  bytes.writeUInt32LE(bytes.length, 28);
  bytes.writeUInt32LE(crc32(bytes.subarray(16)), 12);
}

/** The checkpoint of a journal at the start of the bytes, and how long it is; undefined where none is intact. */
export function decodeCheckpoint(
  bytes: Buffer,
  fileId: FileId,
  number: number,
): { readonly checkpoint: ReadCheckpoint; readonly length: number } | undefined {
  if (bytes.length < headBytes || !bytes.subarray(0, 8).equals(magic) || bytes.readUInt32LE(8) !== version)
    return undefined;
  const id = { low: bytes.readUInt32LE(16), high: bytes.readUInt32LE(20) };
  const length = bytes.readUInt32LE(28);
  if (!sameFileId(id, fileId) || bytes.readUInt32LE(24) !== number) return undefined;
  if (length < headBytes + summaryFields * 8 || length > bytes.length) return undefined;
  if (bytes.readUInt32LE(12) !== crc32(bytes.subarray(16, length))) return undefined;
  return { checkpoint: new ReadCheckpoint(bytes.subarray(headBytes, length)), length };
}

/** An intact checkpoint, as it was read. */
export class ReadCheckpoint {
  readonly from: number;
  readonly to: number;
  readonly batch: number;
  readonly links: readonly Link[];
  readonly states: readonly JournalState[];
  readonly #numbers: Float64Array;
  readonly #places: Uint32Array;
  readonly #shardsAt: number;

  constructor(body: Buffer) {
    // A copy, since the arrays must lie at a multiple of 8.
    const { buffer } = new Uint8Array(body);
    const [from = 0, to = 0, batch = 0, links = 0, states = 0, shards = 0] = new Float64Array(buffer, 0, summaryFields);
    const fields = summaryFields + links * linkFields + states * stateFields + shards * shardFields;
    const numbers = new Float64Array(buffer, 0, fields);
    this.from = from;
    this.to = to;
    this.batch = batch;
    this.links = rows(numbers, summaryFields, links, linkFields).map(([low = 0, high = 0, sealedBytes = 0]) => ({
      fileId: { low, high },
      sealedBytes,
    }));
    const statesAt = summaryFields + links * linkFields;
    this.states = rows(numbers, statesAt, states, stateFields).map(
      ([shard = 0, number = 0, position = 0, offset = 0, end = 0]) => ({ shard, number, position, offset, end }),
    );
    this.#shardsAt = statesAt + states * stateFields;
    this.#numbers = numbers;
    this.#places = new Uint32Array(buffer, numbers.byteLength);
  }

  /** Brings what was known at the checkpoint before up to this one. */
  addTo(indexOf: (shard: number) => FrameIndex): void {
    let at = 0;
    for (let row = this.#shardsAt; row < this.#numbers.length; row += shardFields) {
      const [shard = 0, runsBefore = 0, added = 0, position = 0, arrivalMs = 0, payloadBefore = 0] =
        this.#numbers.subarray(row, row + shardFields);
      const index = indexOf(shard);
      index.keepRuns(runsBefore);
      for (let run = 0; run < added; run++, at += runFields) {
        const offset = this.#places[at + 2]! * 8;
        index.positions.push(position + this.#places[at]!);
        index.arrivals.push(arrivalMs + this.#places[at + 1]!);
        index.offsets.push(offset);
        index.ends.push(offset + this.#places[at + 3]! * 8);
        index.payloadsBefore.push(payloadBefore + this.#places[at + 4]!);
      }
      index.payloadBytes = this.#numbers[row + 6]!;
      index.next = this.#numbers[row + 7]!;
      index.lastArrivalMs = this.#numbers[row + 8]!;
    }
  }
}

function rows(numbers: Float64Array, from: number, count: number, fields: number): number[][] {
  return Array.from({ length: count }, (_, i) => [...numbers.subarray(from + i * fields, from + (i + 1) * fields)]);
}
