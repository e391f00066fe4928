import type { FramePage, ReadResult, StoredFrame } from "../api.js";
import { frameHeaderBytes } from "../format/frame.js";
import { readOrigin } from "../format/origin.js";

/*
 * An entry of a piece's table, little endian: for each frame
 *
 *   0 f64 position      16 u32 where the frame begins in the piece's bytes      24 u32 payload length
 *   8 f64 arrival       20 u32 where its payload begins                         28 u32 0
 */
export const frameEntryBytes = 32;

/** Some verified frames of a shard, which lie in one piece of memory in rising order: numbers instead of an object for each. */
export class FramePiece {
  readonly #view: DataView;

  /**
   * @param bytes what the table's places are within.
   * @param table an entry for each frame, as described above.
   */
  constructor(
    readonly bytes: Buffer,
    readonly table: ArrayBuffer,
  ) {
    this.#view = new DataView(table);
  }

  /** A single frame, wherever it lies. */
  static single(bytes: Buffer, entry: FrameEntry): FramePiece {
    const view = new DataView(new ArrayBuffer(frameEntryBytes));
    writeEntry(view, 0, entry);
    return new FramePiece(bytes, view.buffer);
  }

  get frames(): number {
    return this.table.byteLength / frameEntryBytes;
  }

  position(index: number): number {
    return this.#view.getFloat64(index * frameEntryBytes, true);
  }

  /** Milliseconds since 1970. */
  arrivalMs(index: number): number {
    return this.#view.getFloat64(index * frameEntryBytes + 8, true);
  }

  /** Where a frame begins in the bytes. */
  frameAt(index: number): number {
    return this.#view.getUint32(index * frameEntryBytes + 16, true);
  }

  /** Where its payload begins. */
  payloadAt(index: number): number {
    return this.#view.getUint32(index * frameEntryBytes + 20, true);
  }

  /** Where its payload ends. */
  payloadEnd(index: number): number {
    return this.payloadAt(index) + this.#view.getUint32(index * frameEntryBytes + 24, true);
  }

  /** A view of the same memory. */
  payload(index: number): Buffer {
    return this.bytes.subarray(this.payloadAt(index), this.payloadEnd(index));
  }
}

export interface FrameEntry {
  readonly position: number;
  readonly arrivalMs: number;
  readonly at: number;
  readonly payloadAt: number;
  readonly payloadBytes: number;
}

function writeEntry(view: DataView, index: number, entry: FrameEntry): void {
  const at = index * frameEntryBytes;
  view.setFloat64(at, entry.position, true);
  view.setFloat64(at + 8, entry.arrivalMs, true);
  view.setUint32(at + 16, entry.at, true);
  view.setUint32(at + 20, entry.payloadAt, true);
  view.setUint32(at + 24, entry.payloadBytes, true);
}

/** A page's frames, each as an object of its own. Their data are views of the page's memory. */
export function framesOf({ pieces }: FramePage): StoredFrame[] {
  const frames: StoredFrame[] = [];
  for (const piece of pieces) {
    const view = new DataView(piece.bytes.buffer, piece.bytes.byteOffset, piece.bytes.length);
    for (let i = 0; i < piece.frames; i++) {
      const frame = { position: piece.position(i), arrivalMs: piece.arrivalMs(i), data: piece.payload(i) };
      const sectionAt = piece.frameAt(i) + frameHeaderBytes;
      const sectionBytes = piece.payloadAt(i) - sectionAt;
      if (sectionBytes === 0) frames.push(frame);
      else frames.push({ ...frame, origin: readOrigin(view, piece.bytes, sectionAt, sectionBytes) });
    }
  }
  return frames;
}

/** Frames as a page of one piece: a copy, without their origins. */
export function pageOf({ frames, next }: ReadResult): FramePage {
  const bytes = Buffer.concat(frames.map(({ data }) => data));
  const view = new DataView(new ArrayBuffer(frames.length * frameEntryBytes));
  let at = 0;
  for (const [i, { position, arrivalMs, data }] of frames.entries()) {
    writeEntry(view, i, { position, arrivalMs, at, payloadAt: at, payloadBytes: data.length });
    at += data.length;
  }
  const pieces = frames.length === 0 ? [] : [new FramePiece(bytes, view.buffer)];
  return { pieces, frames: frames.length, payloadBytes: at, lastArrivalMs: frames.at(-1)?.arrivalMs, next };
}
