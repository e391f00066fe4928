import { crc32 } from "node:zlib";
import type { Frame } from "../api.js";
import { LogError } from "../api.js";
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
  /** Holds all headers. */
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

/** @throws {LogError} `frame-too-large`. */
export function encodeRecords(frames: readonly Frame[], place: Place): EncodedAppend {
  let origin: EncodedOrigin | undefined;
  const sections = frames.map((frame) => {
    if (frame.origin === undefined) return undefined;
    origin = encodeOrigin(frame.origin, origin);
    return origin;
  });
  return encode(
    FrameKind.record,
    frames.map(partsOf),
    place,
    (i) => sections[i]?.bytes ?? 0,
    (i, view, head, at) => {
      const section = sections[i];
      if (section !== undefined) writeOrigin(view, head, at, section);
    },
  );
}

/** @throws {LogError} `frame-too-large`. */
export function encodeState(state: Uint8Array, stateNumber: number, place: Place): EncodedAppend {
  return encode(
    FrameKind.state,
    [[state]],
    place,
    () => 8,
    (_, view, _head, at) => setUint64(view, at, stateNumber),
  );
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
    batch.add(stampFrame(append.view, append.head, at, { fileId: place.fileId, batch: place.batch, ordinal, offset }));
    offset += frameBytes(append.view.getUint8(at + 5) * 8, append.view.getUint32(at + 8, true));
  }
}

function encode(
  kind: FrameKind,
  payloads: readonly (readonly Uint8Array[])[],
  place: Place,
  sectionBytesOf: (i: number) => number,
  writeSection: (i: number, view: DataView, head: Buffer, at: number) => void,
): EncodedAppend {
  let headBytes = 0;
  let bytes = 0;
  let allPayloadBytes = 0;
  const sizes = new Uint32Array(payloads.length);
  for (let i = 0; i < payloads.length; i++) {
    let payloadBytes = 0;
    for (const part of payloads[i]!) payloadBytes += part.length;
    if (payloadBytes > framePayloadBytesMax)
      throw new LogError("frame-too-large", `a frame of ${payloadBytes} bytes; the most is ${framePayloadBytesMax}`);
    sizes[i] = payloadBytes;
    const whole = frameBytes(sectionBytesOf(i), payloadBytes);
    bytes += whole;
    allPayloadBytes += payloadBytes;
    headBytes += payloadBytes > copiedPayloadBytesMax ? whole - payloadBytes : whole;
  }

  const head = Buffer.allocUnsafe(headBytes);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const headersAt = new Uint32Array(payloads.length);
  const buffers: Uint8Array[] = [];
  let from = 0;
  let at = 0;
  for (let i = 0; i < payloads.length; i++) {
    const sectionBytes = sectionBytesOf(i);
    const payloadBytes = sizes[i]!;
    const whole = frameBytes(sectionBytes, payloadBytes);
    const sectionAt = at + frameHeaderBytes;
    const payloadAt = sectionAt + sectionBytes;
    if (sectionBytes > 0) {
      head.fill(0, sectionAt, payloadAt);
      writeSection(i, view, head, sectionAt);
    }
    headersAt[i] = at;
    let checksum: number;
    let end: number;
    if (payloadBytes <= copiedPayloadBytesMax) {
      let to = payloadAt;
      for (const part of payloads[i]!) {
        head.set(part, to);
        to += part.length;
      }
      end = at + whole;
      head.fill(0, to, end);
      checksum = crc32(head.subarray(sectionAt, end));
    } else {
      checksum = sectionBytes > 0 ? crc32(head.subarray(sectionAt, payloadAt)) : 0;
      buffers.push(head.subarray(from, payloadAt));
      for (const part of payloads[i]!) {
        checksum = crc32(part, checksum);
        buffers.push(part);
      }
      from = payloadAt;
      end = at + whole - payloadBytes;
      head.fill(0, payloadAt, end);
      checksum = crc32(head.subarray(payloadAt, end), checksum);
    }
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
  if (from < head.length) buffers.push(head.subarray(from));
  return { frames: payloads.length, bytes, payloadBytes: allPayloadBytes, buffers, head, view, headersAt };
}

function partsOf(frame: Frame): readonly Uint8Array[] {
  return frame.data instanceof Uint8Array ? [frame.data] : frame.data;
}
