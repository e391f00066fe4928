import { crc32 } from "node:zlib";
import type { Disk } from "../api.js";
import { FileWindow } from "../files/file-window.js";
import type { LogFile } from "../files/log-file.js";
import type { FileId } from "../format/file-header.js";
import { decodeFileHeader, fileHeaderBytes, fileHeaderBytesMax, sameFileId } from "../format/file-header.js";
import type { FrameHeader } from "../format/frame.js";
import { alignDown8, FrameKind, frameBytes, frameHeaderBytes, getUint64, readFrameHeader } from "../format/frame.js";
import type { SegmentContent, StatePlace } from "../settle/segment-index.js";
import { FrameIndex } from "../shard/frame-index.js";
import { nextHeader } from "../shard/parse-frames.js";

/** So much of a segment is in memory at a time: of many shards, one is scanned for each. */
const windowBytes = 1024 * 1024;

/** Bytes that do not hold. */
export interface BadStretch {
  readonly offset: number;
  readonly end: number;
}

export interface ScannedSegment extends SegmentContent {
  readonly bad: readonly BadStretch[];
}

/** Finds out what a segment holds: intact frames of its shard whose positions rise. Zeros at the end were never written. */
export async function scanSegment(disk: Disk, { path, fileId }: LogFile, shard: number): Promise<ScannedSegment> {
  const file = await disk.open(path, "read");
  try {
    return await new SegmentScan(new FileWindow(file, await file.size(), windowBytes), fileId, shard).run();
  } finally {
    await file.close();
  }
}

class SegmentScan {
  readonly #window: FileWindow;
  readonly #fileId: FileId;
  readonly #shard: number;
  readonly #index = new FrameIndex();
  readonly #bad: BadStretch[] = [];
  #state: StatePlace | undefined;
  #coveredBytes = 0;
  #adjacent = false;

  constructor(window: FileWindow, fileId: FileId, shard: number) {
    this.#window = window;
    this.#fileId = fileId;
    this.#shard = shard;
  }

  async run(): Promise<ScannedSegment> {
    let offset = await this.#headerBytes();
    this.#coveredBytes = offset;
    while (offset < this.#window.end) offset = await this.#step(offset);
    return { coveredBytes: this.#coveredBytes, index: this.#index, state: this.#state, bad: this.#bad };
  }

  /** Where the frames begin; a header that does not hold counts as bad bytes. */
  async #headerBytes(): Promise<number> {
    await this.#window.load(0, fileHeaderBytesMax);
    const header = decodeFileHeader(this.#window.bytes);
    return header === undefined ? 0 : fileHeaderBytes(header.links.length);
  }

  /** Takes what stands at the offset, answers where to go on. */
  async #step(offset: number): Promise<number> {
    await this.#window.load(offset, frameHeaderBytes);
    const header = this.#headerAt(offset);
    if (header === undefined) return this.#skipBad(offset);
    const end = offset + frameBytes(header.sectionBytes, header.payloadBytes);
    if (end > this.#window.end) return this.#skipBad(offset);
    await this.#window.load(offset, end - offset);
    const at = this.#window.at(offset);
    const { kind, position, arrivalMs, payloadBytes } = header;
    if (crc32(this.#window.bytes.subarray(at + frameHeaderBytes, this.#window.at(end))) !== header.payloadChecksum) {
      this.#addBad({ offset, end });
      // The header holds, and tells the position that was given.
      if (kind === FrameKind.record && header.shard === this.#shard) this.#index.next = position + 1;
      return end;
    }
    if (header.shard !== this.#shard) {
      this.#adjacent &&= kind === FrameKind.mark;
    } else if (kind === FrameKind.record) {
      this.#index.add({ position, count: 1, arrivalMs, offset, end, payloadBytes }, this.#adjacent);
      this.#adjacent = true;
    } else if (kind === FrameKind.state) {
      const number = getUint64(this.#window.view, at + frameHeaderBytes);
      if (number >= (this.#state?.number ?? 0)) this.#state = { offset, bytes: end - offset, position, number };
      this.#adjacent = false;
    }
    this.#coveredBytes = end;
    return end;
  }

  /** An intact header that may stand here. */
  #headerAt(offset: number): FrameHeader | undefined {
    const header = readFrameHeader(this.#window.view, this.#window.bytes, this.#window.at(offset));
    return header !== undefined && this.#mayStand(header) ? header : undefined;
  }

  #mayStand(header: FrameHeader): boolean {
    if (header.kind === FrameKind.mark) return true;
    // A journal that was renamed may hold frames of a shard that was deleted.
    if (header.shard !== this.#shard) return sameFileId(header.fileId, this.#fileId);
    return header.kind === FrameKind.state || header.position >= this.#index.next;
  }

  /** Goes on at the next intact header. */
  async #skipBad(offset: number): Promise<number> {
    let written = offset;
    for (let at = offset; at < this.#window.end;) {
      await this.#window.load(at, Math.min(this.#window.end - at, 2 * frameHeaderBytes));
      const { bytes, view } = this.#window;
      const here = this.#window.at(at);
      const found = nextHeader(view, bytes, at === offset ? here + 8 : here, (header) => this.#mayStand(header));
      const stop = found < bytes.length ? found : bytes.length;
      for (let byte = stop - 1; byte >= here; byte--) {
        if (bytes[byte] === 0) continue;
        written = at + (byte - here) + 1;
        break;
      }
      if (found < bytes.length) {
        this.#addBad({ offset, end: at + (found - here) });
        return at + (found - here);
      }
      // The header may begin in this window's last bytes and end in the next.
      const next = at + Math.max(8, alignDown8(bytes.length - here - frameHeaderBytes));
      at = at + (bytes.length - here) >= this.#window.end ? this.#window.end : next;
    }
    if (written > offset) this.#addBad({ offset, end: written });
    return this.#window.end;
  }

  #addBad(bad: BadStretch): void {
    this.#bad.push(bad);
    this.#adjacent = false;
  }
}
