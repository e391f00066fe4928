import { isUtf8 } from "node:buffer";
import type { WrittenTrack } from "../matroska/matroska-writer.js";
import { decodeTrack, encodeTrack } from "./piece-track.js";
import { UplinkError } from "./uplink-error.js";

/**
 * A stretch of one fragment, the unit in which video travels from a device to the cloud. The same bytes lie in the
 * device's archive, travel in the envelope and lie in the gateway's spool. See docs/design/video.md.
 *
 *     offset  size
 *      0      1   version, 1
 *      1      1   flags: bit 0 first piece; bit 1 last piece; bit 2 the clock was not synchronised
 *      2      2   stream name, bytes
 *      4      2   count of tracks; 1 or more in the first piece, 0 in all others
 *      6      2   count of slices
 *      8      8   fragment
 *     16      8   the fragment's producer time, ms since 1970
 *     24      4   index
 *     28      4   zero
 *     32      .   stream name (UTF-8), tracks (see piece-track.ts), slices
 *
 * A slice:
 *
 *      0      1   track number
 *      1      1   flags: bit 0 key frame
 *      2      2   time, signed
 *      4      4   the whole frame's bytes
 *      8      4   offset
 *     12      4   the slice's bytes
 *     16      .   the slice
 *
 * All numbers are little-endian. One piece has one encoding: a decoder refuses what an encoder would not write.
 */
export interface VideoPiece {
  readonly stream: string;
  /** The device's count of fragments, rising within (spool id, stream); 0 to 2^53 - 1. */
  readonly fragment: number;
  /** Of the piece within its fragment; 0 for the first. */
  readonly index: number;
  /** The fragment is complete with this piece, which may have no slices. */
  readonly isLast: boolean;
  readonly clockUnsynchronised: boolean;
  /** Whole milliseconds since 1970, up to 8.64e15; the same in all of the fragment's pieces. */
  readonly producerMs: number;
  /** What a decoder needs first: in the first piece, and only there. */
  readonly tracks?: readonly WrittenTrack[];
  /** In the order of capture. Only the first may begin, and only the last may end, within its frame. */
  readonly slices: readonly FrameSlice[];
}

/** A stretch of one frame. */
export interface FrameSlice {
  /** A number that the init has. */
  readonly track: number;
  readonly isKey: boolean;
  /** Presentation time in whole milliseconds from the fragment's producer time; -32,768 to 32,767. */
  readonly timeMs: number;
  /** Of the whole frame. */
  readonly frameBytes: number;
  /** Where in the frame the slice begins. */
  readonly offset: number;
  /** Not empty. */
  readonly data: Uint8Array;
}

export const pieceLimits = {
  /** The slices of one piece together. */
  sliceBytesMax: 256 * 1024,
  /** Whoever puts frames together holds one; the largest picture of a 4K camera takes a tenth of it. */
  frameBytesMax: 8 * 1024 * 1024,
  tracksMax: 3,
} as const;

const VERSION = 1;
const HEADER_BYTES = 32;
const SLICE_HEADER_BYTES = 16;
const FIRST = 1;
const LAST = 2;
const CLOCK_UNSYNCHRONISED = 4;
const KEY = 1;
/** The last time that a JavaScript Date can hold. */
const PRODUCER_MS_MAX = 8.64e15;

/**
 * Encodes a piece; the slices are copied once.
 * @throws {UplinkError} `field-too-long` or `malformed-piece` where the piece breaks a rule above.
 */
export function encodePiece(piece: VideoPiece): Buffer {
  const { stream, fragment, index, isLast, clockUnsynchronised, producerMs, tracks = [], slices } = piece;
  const problem = problemOf(piece);
  if (problem !== undefined) throw malformed(problem);
  const name = Buffer.from(stream);
  if (name.length > 0xffff) throw new UplinkError("field-too-long", "a stream name takes at most 65,535 bytes");
  if (slices.length > 0xffff) throw new UplinkError("field-too-long", "a piece has at most 65,535 slices");
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(VERSION, 0);
  header.writeUInt8(
    (index === 0 ? FIRST : 0) | (isLast ? LAST : 0) | (clockUnsynchronised ? CLOCK_UNSYNCHRONISED : 0),
    1,
  );
  header.writeUInt16LE(name.length, 2);
  header.writeUInt16LE(tracks.length, 4);
  header.writeUInt16LE(slices.length, 6);
  header.writeBigUInt64LE(BigInt(fragment), 8);
  header.writeBigUInt64LE(BigInt(producerMs), 16);
  header.writeUInt32LE(index, 24);
  return Buffer.concat([header, name, ...tracks.map(encodeTrack), ...slices.flatMap(encodeSlice)]);
}

/**
 * Decodes a piece; its slices are views into `bytes`.
 * @throws {UplinkError} `unsupported-version` or `malformed-piece`.
 */
export function decodePiece(encoded: Uint8Array): VideoPiece {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  if (bytes.length < HEADER_BYTES) throw malformed(`a piece has at least ${HEADER_BYTES} bytes`);
  const version = bytes.readUInt8(0);
  if (version !== VERSION) throw new UplinkError("unsupported-version", `piece version ${version}, known: ${VERSION}`);
  const flags = bytes.readUInt8(1);
  const index = bytes.readUInt32LE(24);
  if (flags > 7 || bytes.readUInt32LE(28) !== 0) throw malformed(`unknown piece flags ${flags}`);
  if (((flags & FIRST) !== 0) !== (index === 0)) throw malformed(`the first piece has index 0, this one ${index}`);
  let at = HEADER_BYTES + bytes.readUInt16LE(2);
  if (at > bytes.length) throw malformed("the stream name runs past the piece's end");
  if (!isUtf8(bytes.subarray(HEADER_BYTES, at))) throw malformed("the stream name is not UTF-8");
  const stream = bytes.toString("utf8", HEADER_BYTES, at);
  const trackCount = bytes.readUInt16LE(4);
  if (trackCount > pieceLimits.tracksMax) throw malformed(`${trackCount} tracks`);
  const tracks: WrittenTrack[] = [];
  for (let i = 0; i < trackCount; i++) {
    const { track, end } = decodeTrack(bytes, at);
    tracks.push(track);
    at = end;
  }
  const sliceCount = bytes.readUInt16LE(6);
  const slices: FrameSlice[] = [];
  for (let i = 0; i < sliceCount; i++) {
    const slice = decodeSlice(bytes, at);
    slices.push(slice);
    at += SLICE_HEADER_BYTES + slice.data.length;
  }
  if (at !== bytes.length) throw malformed(`${bytes.length - at} bytes after the last slice`);
  const piece: VideoPiece = {
    stream,
    fragment: Number(bytes.readBigUInt64LE(8)),
    index,
    isLast: (flags & LAST) !== 0,
    clockUnsynchronised: (flags & CLOCK_UNSYNCHRONISED) !== 0,
    producerMs: Number(bytes.readBigUInt64LE(16)),
    ...(tracks.length === 0 ? {} : { tracks }),
    slices,
  };
  const problem = problemOf(piece);
  if (problem !== undefined) throw malformed(problem);
  return piece;
}

function encodeSlice({ track, isKey, timeMs, frameBytes, offset, data }: FrameSlice): [Buffer, Uint8Array] {
  const header = Buffer.alloc(SLICE_HEADER_BYTES);
  header.writeUInt8(track, 0);
  header.writeUInt8(isKey ? KEY : 0, 1);
  header.writeInt16LE(timeMs, 2);
  header.writeUInt32LE(frameBytes, 4);
  header.writeUInt32LE(offset, 8);
  header.writeUInt32LE(data.length, 12);
  return [header, data];
}

function decodeSlice(bytes: Buffer, at: number): FrameSlice {
  const start = at + SLICE_HEADER_BYTES;
  if (start > bytes.length) throw malformed("a slice runs past the piece's end");
  const end = start + bytes.readUInt32LE(at + 12);
  if (end > bytes.length) throw malformed("a slice runs past the piece's end");
  const flags = bytes.readUInt8(at + 1);
  if (flags > KEY) throw malformed(`unknown slice flags ${flags}`);
  return {
    track: bytes.readUInt8(at),
    isKey: flags === KEY,
    timeMs: bytes.readInt16LE(at + 2),
    frameBytes: bytes.readUInt32LE(at + 4),
    offset: bytes.readUInt32LE(at + 8),
    data: bytes.subarray(start, end),
  };
}

/** Which rule a piece breaks, or undefined. */
function problemOf({ fragment, index, producerMs, isLast, tracks = [], slices }: VideoPiece): string | undefined {
  if (!isWhole(fragment, Number.MAX_SAFE_INTEGER)) return "a fragment's count over 2^53 - 1";
  if (!isWhole(index, 0xffffffff)) return "a piece's index over 2^32 - 1";
  if (!isWhole(producerMs, PRODUCER_MS_MAX)) return "no producer time";
  if ((index === 0) !== tracks.length > 0) return "the first piece has the tracks, and no other has";
  if (tracks.length > pieceLimits.tracksMax) return `${tracks.length} tracks`;
  const numbers = new Set(tracks.map(({ number }) => number));
  if (numbers.size < tracks.length) return "two tracks have one number";
  let bytes = 0;
  for (const [i, slice] of slices.entries()) {
    const problem = sliceProblemOf(slice);
    if (problem !== undefined) return problem;
    const { track, offset, frameBytes, data } = slice;
    if (tracks.length > 0 && !numbers.has(track)) return `a frame of track ${track}, which the init does not have`;
    if (offset > 0 && (i > 0 || index === 0)) return `slice ${i} begins within its frame`;
    if (offset + data.length < frameBytes && (i < slices.length - 1 || isLast))
      return `slice ${i} ends within its frame`;
    bytes += data.length;
  }
  if (bytes > pieceLimits.sliceBytesMax) return `${bytes} bytes of slices; at most ${pieceLimits.sliceBytesMax}`;
  return undefined;
}

function sliceProblemOf({ track, timeMs, frameBytes, offset, data }: FrameSlice): string | undefined {
  if (!isWhole(track, 126) || track === 0) return `track number ${track}`;
  if (!Number.isInteger(timeMs) || timeMs < -32_768 || timeMs > 32_767) return `a frame ${timeMs} ms from its fragment`;
  if (!isWhole(frameBytes, pieceLimits.frameBytesMax)) return `a frame of ${frameBytes} bytes`;
  if (!isWhole(offset, frameBytes) || data.length === 0 || offset + data.length > frameBytes)
    return `${data.length} bytes at ${offset} of a frame of ${frameBytes}`;
  return undefined;
}

function isWhole(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}

function malformed(message: string): UplinkError {
  return new UplinkError("malformed-piece", message);
}
