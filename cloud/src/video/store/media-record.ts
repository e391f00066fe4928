import type { MediaFrame, MediaTag } from "./fragment.js";

/*
 * What lies in a stream's media shard, one record a frame of the log; numbers are big-endian:
 *
 *     version (1) = 1 | kind (1) | fragment id (8) | then, by kind:
 *     begin  1: producer time, server time (f64 each, ms) | init: EBML header, Segment, Info, Tracks (time in ms)
 *     frame  2: track (4) | flags (1): 1 key | offset (i32, µs) | data
 *     tag    3: flags (1): 1 binary | name bytes (2) | name | value
 *     end    4: duration (f64, ms) | data bytes (f64) | frames (4) | CRC-32 of the content (4)
 */
export type MediaRecord =
  | { readonly kind: "begin"; readonly id: bigint; readonly begin: FragmentBegin }
  | { readonly kind: "frame"; readonly id: bigint; readonly frame: MediaFrame }
  | { readonly kind: "tag"; readonly id: bigint; readonly tag: MediaTag }
  | { readonly kind: "end"; readonly id: bigint; readonly end: FragmentEnd };

export interface FragmentBegin {
  readonly producerMs: number;
  readonly serverMs: number;
  readonly init: Buffer;
}

export interface FragmentEnd {
  readonly durationMs: number;
  readonly bytes: number;
  readonly frames: number;
  readonly contentCrc: number;
}

const VERSION = 1;
const KIND = { begin: 1, frame: 2, tag: 3, end: 4 } as const;
const HEAD_BYTES = 10;
const BEGIN_BYTES = HEAD_BYTES + 16;
const FRAME_BYTES = HEAD_BYTES + 9;
const TAG_BYTES = HEAD_BYTES + 3;
const END_BYTES = HEAD_BYTES + 24;

export function encodeBegin(id: bigint, { producerMs, serverMs, init }: FragmentBegin): Uint8Array[] {
  const head = recordHead(KIND.begin, id, BEGIN_BYTES);
  head.writeDoubleBE(producerMs, HEAD_BYTES);
  head.writeDoubleBE(serverMs, HEAD_BYTES + 8);
  return [head, init];
}

/** The frame's data is not copied. */
export function encodeFrame(id: bigint, { track, isKey, offsetUs, data }: MediaFrame): [Buffer, Uint8Array] {
  const head = recordHead(KIND.frame, id, FRAME_BYTES);
  head.writeUInt32BE(track, HEAD_BYTES);
  head.writeUInt8(Number(isKey), HEAD_BYTES + 4);
  head.writeInt32BE(offsetUs, HEAD_BYTES + 5);
  return [head, data];
}

export function encodeTag(id: bigint, { name, value }: MediaTag): [Buffer, Uint8Array] {
  const nameBytes = Buffer.from(name);
  const head = recordHead(KIND.tag, id, TAG_BYTES);
  head.writeUInt8(Number(typeof value !== "string"), HEAD_BYTES);
  head.writeUInt16BE(nameBytes.length, HEAD_BYTES + 1);
  return [head, Buffer.concat([nameBytes, typeof value === "string" ? Buffer.from(value) : value])];
}

export function encodeEnd(id: bigint, { durationMs, bytes, frames, contentCrc }: FragmentEnd): Uint8Array[] {
  const head = recordHead(KIND.end, id, END_BYTES);
  head.writeDoubleBE(durationMs, HEAD_BYTES);
  head.writeDoubleBE(bytes, HEAD_BYTES + 8);
  head.writeUInt32BE(frames, HEAD_BYTES + 16);
  head.writeUInt32BE(contentCrc, HEAD_BYTES + 20);
  return [head];
}

/**
 * Reads a record; its bytes are views of the same memory.
 * @throws {RangeError} where the bytes are none of the above.
 */
export function decodeMediaRecord(bytes: Buffer): MediaRecord {
  const version = bytes.readUInt8(0);
  if (version !== VERSION) throw new RangeError(`media record has version ${version}, known is ${VERSION}`);
  const id = bytes.readBigUInt64BE(2);
  const kind = bytes.readUInt8(1);
  switch (kind) {
    case KIND.begin: {
      const producerMs = bytes.readDoubleBE(HEAD_BYTES);
      const serverMs = bytes.readDoubleBE(HEAD_BYTES + 8);
      return { kind: "begin", id, begin: { producerMs, serverMs, init: bytes.subarray(BEGIN_BYTES) } };
    }
    case KIND.frame: {
      const track = bytes.readUInt32BE(HEAD_BYTES);
      const isKey = bytes.readUInt8(HEAD_BYTES + 4) !== 0;
      const offsetUs = bytes.readInt32BE(HEAD_BYTES + 5);
      return { kind: "frame", id, frame: { track, isKey, offsetUs, data: bytes.subarray(FRAME_BYTES) } };
    }
    case KIND.tag: {
      const isBinary = bytes.readUInt8(HEAD_BYTES) !== 0;
      const valueAt = TAG_BYTES + bytes.readUInt16BE(HEAD_BYTES + 1);
      const name = bytes.toString("utf8", TAG_BYTES, valueAt);
      const value = bytes.subarray(valueAt);
      return { kind: "tag", id, tag: { name, value: isBinary ? value : value.toString() } };
    }
    case KIND.end: {
      const durationMs = bytes.readDoubleBE(HEAD_BYTES);
      const sizeBytes = bytes.readDoubleBE(HEAD_BYTES + 8);
      const frames = bytes.readUInt32BE(HEAD_BYTES + 16);
      const contentCrc = bytes.readUInt32BE(HEAD_BYTES + 20);
      return { kind: "end", id, end: { durationMs, bytes: sizeBytes, frames, contentCrc } };
    }
    default:
      throw new RangeError(`media record has unknown kind ${kind}`);
  }
}

function recordHead(kind: number, id: bigint, bytes: number): Buffer {
  const head = Buffer.allocUnsafe(bytes);
  head.writeUInt8(VERSION, 0);
  head.writeUInt8(kind, 1);
  head.writeBigUInt64BE(id, 2);
  return head;
}
