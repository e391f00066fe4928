import { wordsChecksum } from "./checksum.js";
import type { FileId } from "./file-header.js";

/*
 * A frame, little endian, 8-byte aligned. docs/design/log.md, "Frames".
 *
 *   0 u32 checksum of bytes 4 to 56     16 u64 id of the file            40 u64 arrival, ms since 1970
 *   4 u8  kind                          24 u32 batch                     48 u32 ordinal of the frame in its
 *   5 u8  section length / 8            28 u32 shard number                     shard's part of the batch
 *   6 u16 0                             32 u64 position                  52 u32 offset of the frame in the file / 8
 *   8 u32 payload length                56 section (origin, or what the kind needs), zero-padded to 8
 *  12 u32 checksum of what follows 56      payload, zero-padded to 8
 */
export const frameHeaderBytes = 56;
/** Where in a frame's header the file's id stands. */
export const frameIdAt = 16;
/** Longest payload of one frame. */
export const framePayloadBytesMax = 16 * 1024 * 1024;
/** Longest section: 27 bytes and a producer of 255, padded. */
export const sectionBytesMax = 288;

/** What a frame holds. The numbers are the format's. */
export const FrameKind = { record: 1, state: 2, mark: 3 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export interface FrameHeader {
  readonly kind: number;
  readonly sectionBytes: number;
  readonly payloadBytes: number;
  readonly payloadChecksum: number;
  readonly fileId: FileId;
  readonly batch: number;
  readonly shard: number;
  readonly position: number;
  readonly arrivalMs: number;
  readonly ordinal: number;
  /** Where the frame was written first, in bytes. */
  readonly offset: number;
}

/** The marks' shard number; no shard has it. */
export const noShard = 0xffffffff;

/** Bytes that a frame takes in a file. */
export function frameBytes(sectionBytes: number, payloadBytes: number): number {
  return align8(frameHeaderBytes + sectionBytes + payloadBytes);
}

export function align8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

export function alignDown8(bytes: number): number {
  return Math.floor(bytes / 8) * 8;
}

/** Writes what is known when an append is called; {@link stampFrame} completes it when the batch is formed. */
export function writeFrame(view: DataView, at: number, frame: Omit<FrameHeader, "fileId" | "batch" | "offset">): void {
  view.setUint32(at + 4, frame.kind | ((frame.sectionBytes / 8) << 8), true);
  view.setUint32(at + 8, frame.payloadBytes, true);
  view.setUint32(at + 12, frame.payloadChecksum, true);
  view.setUint32(at + 28, frame.shard, true);
  setUint64(view, at + 32, frame.position);
  setUint64(view, at + 40, frame.arrivalMs);
  view.setUint32(at + 48, frame.ordinal, true);
}

/** Says where the frame goes, and seals the header. Answers the header's checksum. */
export function stampFrame(
  view: DataView,
  at: number,
  place: { readonly fileId: FileId; readonly batch: number; readonly ordinal: number; readonly offset: number },
): number {
  view.setUint32(at + 16, place.fileId.low, true);
  view.setUint32(at + 20, place.fileId.high, true);
  view.setUint32(at + 24, place.batch, true);
  view.setUint32(at + 48, place.ordinal, true);
  view.setUint32(at + 52, place.offset / 8, true);
  const checksum = wordsChecksum(view, at + 4, at + frameHeaderBytes);
  view.setUint32(at, checksum, true);
  return checksum;
}

/** The header at an offset of a buffer; undefined where there is none or its checksum is wrong. */
export function readFrameHeader(view: DataView, bytes: Uint8Array, at: number): FrameHeader | undefined {
  if (at + frameHeaderBytes > bytes.length) return undefined;
  if (view.getUint32(at, true) !== wordsChecksum(view, at + 4, at + frameHeaderBytes)) return undefined;
  const kind = view.getUint8(at + 4);
  const payloadBytes = view.getUint32(at + 8, true);
  // 56 zero bytes have the wrong checksum; a kind of 0 or a length over the bound is no frame of ours either.
  if (kind === 0 || payloadBytes > framePayloadBytesMax) return undefined;
  return {
    kind,
    sectionBytes: view.getUint8(at + 5) * 8,
    payloadBytes,
    payloadChecksum: view.getUint32(at + 12, true),
    fileId: { low: view.getUint32(at + 16, true), high: view.getUint32(at + 20, true) },
    batch: view.getUint32(at + 24, true),
    shard: view.getUint32(at + 28, true),
    position: getUint64(view, at + 32),
    arrivalMs: getUint64(view, at + 40),
    ordinal: view.getUint32(at + 48, true),
    offset: view.getUint32(at + 52, true) * 8,
  };
}

export function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

export function getUint64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}
