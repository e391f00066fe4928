import { crc32 } from "node:zlib";
import type { Frame } from "../api.js";
import { LogError } from "../api.js";
import { AppendBlock, type AppendMemory } from "./append-memory.js";
import { shortChecksum } from "./checksum.js";
import {
  FrameKind,
  frameBytes,
  frameHeaderBytes,
  framePayloadBytesMax,
  setUint64,
  stampFrame,
  writeFrame,
} from "./frame.js";
import type { BatchChecksum } from "./commit-mark.js";
import type { FileId } from "./file-header.js";
import type { EncodedOrigin } from "./origin.js";
import { encodeOrigin, writeOrigin } from "./origin.js";

/** Shorter payloads are copied beside their headers: cheaper than a vector entry each. Longer ones are not copied. */
export const copiedPayloadBytesMax = 8 * 1024;

/**
 * The frames of one append as they go to disk, but for what is known only when their batch is formed: the file, the
 * batch, the offset. Made at once in `append`, so that checksums are computed while the disk is busy with others.
 */
export interface EncodedAppend {
  readonly frames: number;
  /** In the file, headers and padding included. */
  readonly bytes: number;
  readonly payloadBytes: number;
  /** Holds all headers, and the payloads that were copied, between `from` and `to`; to be released once. */
  readonly block: AppendBlock;
  readonly from: number;
  readonly to: number;
  /** What goes to disk; undefined where that is the block's stretch alone. */
  readonly buffers: readonly Uint8Array[] | undefined;
}

export interface Place {
  readonly shard: number;
  readonly position: number;
  readonly arrivalMs: number;
}

/**
 * @param memoryFor gets the bytes in the file, and answers where to encode them; without it, memory of its own.
 * @throws {LogError} `frame-too-large`.
 */
export function encodeRecords(
  frames: readonly Frame[],
  place: Place,
  memoryFor?: (bytes: number) => AppendMemory,
): EncodedAppend {
  let sections: (EncodedOrigin | undefined)[] | undefined;
  let origin: EncodedOrigin | undefined;
  for (let i = 0; i < frames.length; i++) {
    const given = frames[i]!.origin;
    if (given === undefined) continue;
    origin = encodeOrigin(given, origin);
    sections ??= Array.from<EncodedOrigin | undefined>({ length: frames.length });
    sections[i] = origin;
  }
  const writer = sections && {
    bytesOf: (i: number) => sections[i]?.bytes ?? 0,
    write: (i: number, view: DataView, head: Buffer, at: number) => {
      const section = sections[i];
      if (section !== undefined) writeOrigin(view, head, at, section);
    },
  };
  return encode(FrameKind.record, frames, place, writer, memoryFor);
}

/** @throws {LogError} `frame-too-large`. */
export function encodeState(state: Uint8Array, stateNumber: number, place: Place): EncodedAppend {
  return encode(FrameKind.state, [{ data: state }], place, {
    bytesOf: () => 8,
    write: (_, view, _head, at) => setUint64(view, at, stateNumber),
  });
}

/** Completes the headers for the place that the append got. */
export function stampAppend(
  append: EncodedAppend,
  place: { readonly fileId: FileId; readonly batch: number; readonly offset: number; readonly ordinal: number },
  batch: BatchChecksum,
): void {
  const { view } = append.block;
  let { offset } = place;
  let at = append.from;
  for (let i = 0; i < append.frames; i++) {
    const ordinal = place.ordinal + i;
    batch.add(stampFrame(view, at, { fileId: place.fileId, batch: place.batch, ordinal, offset }));
    const payloadBytes = view.getUint32(at + 8, true);
    const whole = frameBytes(view.getUint8(at + 5) * 8, payloadBytes);
    offset += whole;
    at += payloadBytes > copiedPayloadBytesMax ? whole - payloadBytes : whole;
  }
}

/** What stands between headers and payloads; where there is no writer, nothing does. */
interface SectionWriter {
  bytesOf(i: number): number;
  /** Writes into zeroed bytes. */
  write(i: number, view: DataView, head: Buffer, at: number): void;
}

function encode(
  kind: FrameKind,
  frames: readonly Frame[],
  place: Place,
  sections?: SectionWriter,
  memoryFor?: (bytes: number) => AppendMemory,
): EncodedAppend {
  let headBytes = 0;
  let bytes = 0;
  let allPayloadBytes = 0;
  for (let i = 0; i < frames.length; i++) {
    const payloadBytes = payloadBytesOf(frames[i]!.data);
    if (payloadBytes > framePayloadBytesMax)
      throw new LogError("frame-too-large", `a frame of ${payloadBytes} bytes; the most is ${framePayloadBytesMax}`);
    const whole = frameBytes(sections?.bytesOf(i) ?? 0, payloadBytes);
    bytes += whole;
    allPayloadBytes += payloadBytes;
    headBytes += payloadBytes > copiedPayloadBytesMax ? whole - payloadBytes : whole;
  }

  const block = memoryFor?.(bytes).take(headBytes) ?? blockOfItsOwn(headBytes);
  const { slab, view } = block;
  const start = block.used - headBytes;
  let buffers: Uint8Array[] | undefined;
  let from = start;
  let at = start;
  for (let i = 0; i < frames.length; i++) {
    const { data } = frames[i]!;
    const sectionBytes = sections?.bytesOf(i) ?? 0;
    const payloadBytes = payloadBytesOf(data);
    const whole = frameBytes(sectionBytes, payloadBytes);
    const sectionAt = at + frameHeaderBytes;
    const payloadAt = sectionAt + sectionBytes;
    const isCopied = payloadBytes <= copiedPayloadBytesMax;
    let checksum = 0;
    if (sectionBytes > 0) {
      slab.fill(0, sectionAt, payloadAt);
      sections?.write(i, view, slab, sectionAt);
      checksum = crc32(slab.subarray(sectionAt, payloadAt));
    }
    if (!isCopied) (buffers ??= []).push(slab.subarray(from, payloadAt));
    let to = payloadAt;
    for (const part of data instanceof Uint8Array ? [data] : data) {
      // Node's crc32 of no bytes forgets what came before where the memory is none at all.
      if (part.length === 0) continue;
      checksum = crc32(part, checksum);
      if (isCopied) slab.set(part, to);
      else buffers?.push(part);
      to += part.length;
    }
    const end = isCopied ? at + whole : at + whole - payloadBytes;
    const paddingAt = isCopied ? to : payloadAt;
    for (let zero = paddingAt; zero < end; zero++) slab[zero] = 0;
    checksum = shortChecksum(slab, paddingAt, end, checksum);
    if (!isCopied) from = payloadAt;
    writeFrame(view, at, {
      kind,
      sectionBytes,
      payloadBytes,
      payloadChecksum: checksum,
      shard: place.shard,
      position: kind === FrameKind.record ? place.position + i : place.position,
      arrivalMs: place.arrivalMs,
      ordinal: 0,
    });
    at = end;
  }
  if (from < at) buffers?.push(slab.subarray(from, at));
  return { frames: frames.length, bytes, payloadBytes: allPayloadBytes, block, from: start, to: at, buffers };
}

function blockOfItsOwn(bytes: number): AppendBlock {
  const block = new AppendBlock(Buffer.allocUnsafe(bytes));
  block.used = bytes;
  return block;
}

function payloadBytesOf(data: Frame["data"]): number {
  if (data instanceof Uint8Array) return data.length;
  let bytes = 0;
  for (const part of data) bytes += part.length;
  return bytes;
}
