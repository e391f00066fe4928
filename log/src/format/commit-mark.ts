import { crc32 } from "node:zlib";
import { shortChecksum } from "./checksum.js";
import type { FileId } from "./file-header.js";
import { FrameKind, frameBytes, frameHeaderBytes, noShard, stampFrame, writeFrame } from "./frame.js";

/*
 * The last frame of a batch. Its section: 0 u32 frames in the batch, 4 u32 checksum over their headers' checksums.
 * A header's checksum covers the payload's, so this one covers every byte of the batch.
 */
const sectionBytes = 8;
export const commitMarkBytes = frameBytes(sectionBytes, 0);

/** Gathers what the mark of a batch says. */
export class BatchChecksum {
  frames = 0;
  #checksums = new Uint32Array(64);

  add(headerChecksum: number): void {
    if (this.frames === this.#checksums.length) {
      const larger = new Uint32Array(this.frames * 4);
      larger.set(this.#checksums);
      this.#checksums = larger;
    }
    this.#checksums[this.frames++] = headerChecksum;
  }

  value(): number {
    return crc32(new Uint8Array(this.#checksums.buffer, 0, this.frames * 4));
  }
}

export function encodeCommitMark(
  batch: BatchChecksum,
  place: { readonly fileId: FileId; readonly batch: number; readonly offset: number; readonly arrivalMs: number },
): Buffer {
  const bytes = Buffer.alloc(commitMarkBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint32(frameHeaderBytes, batch.frames, true);
  view.setUint32(frameHeaderBytes + 4, batch.value(), true);
  writeFrame(view, 0, {
    kind: FrameKind.mark,
    sectionBytes,
    payloadBytes: 0,
    payloadChecksum: shortChecksum(bytes, frameHeaderBytes, frameHeaderBytes + sectionBytes),
    shard: noShard,
    position: 0,
    arrivalMs: place.arrivalMs,
    ordinal: 0,
  });
  stampFrame(view, 0, { ...place, ordinal: 0 });
  return bytes;
}

/** Whether the mark at an offset says what was found. The caller has verified the frame's own checksums. */
export function markHolds(view: DataView, at: number, found: BatchChecksum): boolean {
  return (
    view.getUint32(at + frameHeaderBytes, true) === found.frames &&
    view.getUint32(at + frameHeaderBytes + 4, true) === found.value()
  );
}
