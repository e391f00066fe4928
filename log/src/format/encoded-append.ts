import { crc32 } from "node:zlib";
import type { Frame } from "../api.js";
import { LogError } from "../api.js";
import type { SlabPool } from "../slab-pool.js";
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
const copiedPayloadBytesMax = 8 * 1024;

/**
 * The frames of one append as they go to disk, but for what is known only when their batch is formed: the file, the
 * batch, the offset. Made at once in `append`, so that checksums are computed while the disk is busy with others.
 */
export interface EncodedAppend {
  readonly frames: number;
  /** In the file, headers and padding included. */
  readonly bytes: number;
  readonly payloadBytes: number;
  readonly buffers: readonly Uint8Array[];
  /** Holds all headers; may be longer. */
  readonly head: Buffer;
  readonly view: DataView;
  /** Where each header lies in `head`. */
  readonly headersAt: Uint32Array;
}

interface Place {
  readonly shard: number;
  readonly position: number;
  readonly arrivalMs: number;
}

/**
 * @param slabs where the memory comes from; the caller gives `head` back once the disk has it.
 * @throws {LogError} `frame-too-large`.
 */
export function encodeRecords(frames: readonly Frame[], place: Place, slabs?: SlabPool): EncodedAppend {
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
  return encode(FrameKind.record, frames, place, writer, slabs);
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
  let offset = place.offset;
  for (let i = 0; i < append.frames; i++) {
    const at = append.headersAt[i]!;
    const ordinal = place.ordinal + i;
    batch.add(stampFrame(append.view, at, { fileId: place.fileId, batch: place.batch, ordinal, offset }));
    offset += frameBytes(append.view.getUint8(at + 5) * 8, append.view.getUint32(at + 8, true));
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
  slabs?: SlabPool,
): EncodedAppend {
  let headBytes = 0;
  let bytes = 0;
  let allPayloadBytes = 0;
  const sizes = new Uint32Array(frames.length);
  for (let i = 0; i < frames.length; i++) {
    const payloadBytes = payloadBytesOf(frames[i]!.data);
    if (payloadBytes > framePayloadBytesMax)
      throw new LogError("frame-too-large", `a frame of ${payloadBytes} bytes; the most is ${framePayloadBytesMax}`);
    sizes[i] = payloadBytes;
    const whole = frameBytes(sections?.bytesOf(i) ?? 0, payloadBytes);
    bytes += whole;
    allPayloadBytes += payloadBytes;
    headBytes += payloadBytes > copiedPayloadBytesMax ? whole - payloadBytes : whole;
  }

  const slab = slabs?.take(headBytes) ?? Buffer.allocUnsafe(headBytes);
  const view = new DataView(slab.buffer, slab.byteOffset, slab.length);
  const headersAt = new Uint32Array(frames.length);
  const buffers: Uint8Array[] = [];
  let from = 0;
  let at = 0;
  for (let i = 0; i < frames.length; i++) {
    const { data } = frames[i]!;
    const sectionBytes = sections?.bytesOf(i) ?? 0;
    const payloadBytes = sizes[i]!;
    const whole = frameBytes(sectionBytes, payloadBytes);
    const sectionAt = at + frameHeaderBytes;
    const payloadAt = sectionAt + sectionBytes;
    const isCopied = payloadBytes <= copiedPayloadBytesMax;
    headersAt[i] = at;
    let checksum = 0;
    if (sectionBytes > 0) {
      slab.fill(0, sectionAt, payloadAt);
      sections?.write(i, view, slab, sectionAt);
      checksum = crc32(slab.subarray(sectionAt, payloadAt));
    }
    if (!isCopied) buffers.push(slab.subarray(from, payloadAt));
    let to = payloadAt;
    for (const part of data instanceof Uint8Array ? [data] : data) {
      // Node's crc32 of no bytes forgets what came before where the memory is none at all.
      if (part.length === 0) continue;
      checksum = crc32(part, checksum);
      if (isCopied) slab.set(part, to);
      else buffers.push(part);
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
  if (from < headBytes) buffers.push(slab.subarray(from, headBytes));
  return { frames: frames.length, bytes, payloadBytes: allPayloadBytes, buffers, head: slab, view, headersAt };
}

function payloadBytesOf(data: Frame["data"]): number {
  if (data instanceof Uint8Array) return data.length;
  let bytes = 0;
  for (const part of data) bytes += part.length;
  return bytes;
}
