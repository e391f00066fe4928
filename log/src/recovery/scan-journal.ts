import { crc32 } from "node:zlib";
import type { Disk } from "../api.js";
import type { LogFile } from "../files/log-file.js";
import type { JournalName } from "../files/paths.js";
import { FileWindow } from "../files/file-window.js";
import { BatchChecksum, commitMarkBytes, markHolds } from "../format/commit-mark.js";
import type { FileHeader, FileId, Link } from "../format/file-header.js";
import {
  decodeFileHeader,
  fileHeaderBytes,
  fileHeaderBytesMax,
  fileIdBytes,
  sameFileId,
} from "../format/file-header.js";
import type { FrameHeader } from "../format/frame.js";
import { FrameKind, frameBytes, frameHeaderBytes, getUint64, readFrameHeader } from "../format/frame.js";
import type { JournalState } from "../journal-index/checkpoint.js";
import type { JournalContent } from "../journal-index/read-journal-index.js";
import { FrameIndex } from "../shard/frame-index.js";
import { keepPrefixes } from "./keep-prefixes.js";
import { findFileId, nextWithId } from "./find-file-id.js";
import { addFrame, type ScannedFrame, stateOf, type Stretch } from "./scanned-frame.js";

/** What a journal holds, judged by itself. */
export interface ScannedJournal {
  readonly file: LogFile;
  readonly links: readonly Link[];
  /**
   * Bytes lie behind those that count: what was never acknowledged, as a later file says, or what was there before the file was
   * used again.
   */
  readonly hasTail: boolean;
  /** A batch was acknowledged here, or may have been: what the header says of earlier files counts. */
  readonly linksHold: boolean;
  /** By shard number: the records of batches that were acknowledged, and the newest state. */
  readonly indexes: ReadonlyMap<number, FrameIndex>;
  readonly states: ReadonlyMap<number, JournalState>;
  /** By shard number: the position after the highest whose header was found, be its payload damaged. */
  readonly nextSeen: ReadonlyMap<number, number>;
  /** Frames of the last batch, to be kept, that may have been acknowledged. */
  readonly doubtful: readonly ScannedFrame[];
  /**
   * Where they lie, with the mark and the header that came with them: read, but perhaps not on the disk. A mark may stand there
   * alone: torn by a power cut later, it would look like damage.
   */
  readonly doubtfulBytes: readonly Stretch[];
  /** Acknowledged bytes that do not hold. */
  readonly damaged: readonly Stretch[];
  /** Bytes of the last batch that are not kept. */
  readonly torn: readonly Stretch[];
}

/**
 * Reads a journal after a crash. docs/design/log.md, "Recovery": a frame of a later batch proves that the batches
 * before it were synced, so what does not hold there is damage; the last batch is a tail that may be torn.
 * @param sealedBytesOf what a later file says of this one: everything before was acknowledged, nothing behind.
 * @param knownOf what the sidecar says of the first bytes, which are then not read.
 */
export async function scanJournal(
  disk: Disk,
  path: string,
  { fileNumber, reusedAs }: JournalName,
  sealedBytesOf: (fileId: FileId) => number | undefined,
  knownOf: (fileId: FileId, journalBytes: number) => Promise<JournalContent | undefined>,
): Promise<ScannedJournal> {
  const opened = await disk.open(path, "read");
  try {
    const size = await opened.size();
    const window = new FileWindow(opened, size);
    // Not a whole window, of which nothing else may be wanted.
    const start = new FileWindow(opened, size, fileHeaderBytesMax);
    await start.load(0, fileHeaderBytesMax);
    const found = decodeFileHeader(start.bytes);
    // What stands in a file that is used again may be of its former life; its name tells its id.
    const header = reusedAs === undefined || (found && sameFileId(found.fileId, reusedAs)) ? found : undefined;
    const id = reusedAs ?? header?.fileId ?? (await findFileId(window));
    const sealedBytes = id && sealedBytesOf(id);
    const end = Math.min(size, sealedBytes ?? size);
    const known = id && (await knownOf(id, end));
    const isReused = reusedAs !== undefined;
    const journal = { path, fileNumber, isReused, header, id, end, known };
    return await new JournalScan(window, journal, sealedBytes !== undefined).run();
  } finally {
    await opened.close();
  }
}

/** A journal that was being written ends with megabytes of these. */
const zeros = Buffer.alloc(4096);

interface JournalToScan {
  readonly path: string;
  readonly fileNumber: number;
  /** Its id is known by its name, and bytes of other ids may lie where it was not yet written. */
  readonly isReused: boolean;
  readonly header: FileHeader | undefined;
  readonly id: FileId | undefined;
  readonly end: number;
  readonly known: JournalContent | undefined;
}

class JournalScan {
  readonly #window: FileWindow;
  readonly #journal: JournalToScan;
  readonly #id: FileId | undefined;
  readonly #end: number;
  readonly #sealed: boolean;

  readonly #indexes: Map<number, FrameIndex>;
  readonly #states: Map<number, JournalState>;
  readonly #nextSeen = new Map<number, number>();
  readonly #damaged: Stretch[] = [];
  #acknowledgedBytes = 0;
  #linksHold = false;
  /** Of the batch being read. */
  #batch = 0;
  #frames: ScannedFrame[] = [];
  #bad: Stretch[] = [];
  #checksum = new BatchChecksum();
  /** Where the batch's mark ends; what follows belongs to the next batch. The file's header is no batch's. */
  #markEnd: number | undefined = 0;
  #whole = false;
  #badAfterMark: Stretch[] = [];
  /** Whose record was the last frame. */
  #lastShard: number | undefined;

  constructor(window: FileWindow, journal: JournalToScan, sealed: boolean) {
    this.#window = window;
    this.#journal = journal;
    this.#id = journal.id;
    this.#end = journal.end;
    this.#sealed = sealed;
    this.#indexes = journal.known?.indexes ?? new Map<number, FrameIndex>();
    this.#states = journal.known?.states ?? new Map<number, JournalState>();
  }

  async run(): Promise<ScannedJournal> {
    const { path, fileNumber, isReused, header, known } = this.#journal;
    const headerEnd = header ? fileHeaderBytes(header.links.length) : 0;
    if (known !== undefined) this.#begin(known);
    this.#markEnd = known?.coveredBytes ?? headerEnd;
    let offset = this.#markEnd;
    while (offset < this.#end) offset = await this.#step(offset);
    if (this.#sealed) {
      this.#closeBatch(this.#end);
      this.#damaged.push(...this.#bad.splice(0));
      this.#acknowledgedBytes = this.#end;
    }
    const endOfOwn = this.#whole ? this.#markEnd : this.#acknowledgedBytes;
    const { kept, torn } = this.#whole ? { kept: this.#frames, torn: [] } : keepPrefixes(this.#frames);
    return {
      file: {
        fileId: this.#id ?? { low: 0, high: 0 },
        fileNumber,
        path,
        isSegment: false,
        bytes: Math.max(headerEnd, this.#acknowledgedBytes),
      },
      links: header?.links ?? known?.links ?? [],
      hasTail: (this.#sealed ? this.#end : isReused ? endOfOwn : this.#window.end) < this.#window.end,
      linksHold: this.#linksHold || this.#whole,
      indexes: this.#indexes,
      states: this.#states,
      nextSeen: this.#nextSeen,
      doubtful: kept,
      doubtfulBytes: this.#doubtfulBytes(kept, headerEnd),
      damaged: this.#damaged,
      torn: [...this.#bad, ...torn, ...this.#badAfterMark].toSorted((a, b) => a.offset - b.offset),
    };
  }

  /** All that is known of was acknowledged. */
  #begin({ coveredBytes, batch, indexes }: JournalContent): void {
    this.#batch = batch;
    this.#acknowledgedBytes = coveredBytes;
    this.#linksHold = true;
    for (const [shard, { next }] of indexes) this.#nextSeen.set(shard, next);
  }

  #doubtfulBytes(kept: readonly ScannedFrame[], headerEnd: number): Stretch[] {
    const stretches = kept.map(({ offset, end }) => ({ offset, end }));
    if (this.#whole) stretches.push({ offset: this.#markEnd! - commitMarkBytes, end: this.#markEnd! });
    if (this.#batch === 1 && stretches.length > 0) stretches.unshift({ offset: 0, end: headerEnd });
    return stretches;
  }

  /** Takes what stands at the offset, answers where to go on. */
  async #step(offset: number): Promise<number> {
    const window = this.#window;
    await window.load(offset, frameHeaderBytes);
    const header = this.#headerAt(offset);
    if (header === undefined) return this.#skipBad(offset);
    const end = offset + frameBytes(header.sectionBytes, header.payloadBytes);
    if (end > this.#end) return this.#skipBad(offset);
    if (header.batch > this.#batch) {
      this.#closeBatch(offset);
      // A whole batch between this one and the last would have been synced before this one was written.
      if (header.batch > this.#batch + 1) this.#damaged.push(...this.#bad.splice(0));
      this.#batch = header.batch;
    }
    await window.load(offset, end - offset);
    const at = window.at(offset);
    const body = window.bytes.subarray(at + frameHeaderBytes, window.at(end));
    if (crc32(body) !== header.payloadChecksum) {
      this.#addBad({ offset, end, shard: header.shard });
      if (header.kind === FrameKind.record) this.#nextSeen.set(header.shard, header.position + 1);
      return end;
    }
    if (header.kind === FrameKind.mark) {
      this.#markEnd = end;
      this.#whole = markHolds(window.view, at, this.#checksum);
      return end;
    }
    this.#checksum.add(window.view.getUint32(at, true));
    const stateNumber = header.kind === FrameKind.state ? getUint64(window.view, at + frameHeaderBytes) : 0;
    const isRecord = header.kind === FrameKind.record;
    const adjacent = isRecord && this.#lastShard === header.shard;
    this.#lastShard = isRecord ? header.shard : undefined;
    this.#frames.push({ header, offset, end, stateNumber, adjacent });
    return end;
  }

  /** An intact header of this file, of this place, that does not go back. */
  #headerAt(offset: number): FrameHeader | undefined {
    const { view, bytes } = this.#window;
    const header = readFrameHeader(view, bytes, this.#window.at(offset));
    if (header === undefined || header.offset !== offset || header.batch < this.#batch) return undefined;
    return this.#id !== undefined && sameFileId(header.fileId, this.#id) ? header : undefined;
  }

  /** Goes on at the next intact header. Zeros at the end were never written. */
  async #skipBad(offset: number): Promise<number> {
    if (this.#journal.isReused) return this.#skipFormer(offset);
    let written = offset;
    let at = offset;
    for (; at < this.#end; at += 8) {
      if (!this.#window.has(at, frameHeaderBytes)) await this.#window.load(at, frameHeaderBytes);
      const { view, bytes } = this.#window;
      const here = this.#window.at(at);
      if (here + 8 <= view.byteLength && (view.getUint32(here, true) !== 0 || view.getUint32(here + 4, true) !== 0)) {
        written = at + 8;
        if (at > offset && this.#headerAt(at) !== undefined) {
          this.#addBad({ offset, end: at });
          return at;
        }
      } else if (view.byteLength - here >= zeros.length && zeros.equals(bytes.subarray(here, here + zeros.length))) {
        at += zeros.length - 8;
      }
    }
    if (this.#sealed) this.#addBad({ offset, end: this.#end });
    else if (written > offset) this.#addBad({ offset, end: Math.min(written, this.#end) });
    return this.#end;
  }

  /**
   * The same in a file that is used again, where megabytes may follow of what it was before. Its own id, which was nowhere before,
   * shows what was written since: if none comes any more, neither does anything of this file that could be told from the rest.
   */
  async #skipFormer(offset: number): Promise<number> {
    const window = this.#window;
    const id = fileIdBytes(this.#id!);
    const next = (from: number) => nextWithId(window, id, from, this.#end);
    let written = offset;
    for (let at = await next(offset); at !== undefined; at = await next(at + 8)) {
      written = at + frameHeaderBytes;
      await window.load(at, frameHeaderBytes);
      if (at > offset && this.#headerAt(at) !== undefined) {
        this.#addBad({ offset, end: at });
        return at;
      }
    }
    if (this.#sealed) this.#addBad({ offset, end: this.#end });
    else if (written > offset) this.#addBad({ offset, end: Math.min(written, this.#end) });
    return this.#end;
  }

  #addBad(stretch: Stretch): void {
    this.#lastShard = undefined;
    (this.#markEnd === undefined ? this.#bad : this.#badAfterMark).push(stretch);
  }

  /** The batch so far was acknowledged: what is bad in it is damage. What follows its mark belongs to the next. */
  #closeBatch(end: number): void {
    for (const frame of this.#frames) this.#acknowledge(frame);
    for (const bad of this.#bad) this.#damaged.push(bad);
    if (this.#batch > 0) this.#linksHold = true;
    this.#acknowledgedBytes = this.#markEnd ?? end;
    this.#frames = [];
    this.#bad = this.#badAfterMark;
    this.#badAfterMark = [];
    this.#checksum = new BatchChecksum();
    this.#markEnd = undefined;
    this.#whole = false;
  }

  #acknowledge(frame: ScannedFrame): void {
    const { kind, shard } = frame.header;
    if (kind === FrameKind.state) {
      const newest = this.#states.get(shard);
      if (newest === undefined || newest.number <= frame.stateNumber) this.#states.set(shard, stateOf(frame));
    } else if (kind === FrameKind.record) {
      let index = this.#indexes.get(shard);
      if (index === undefined) this.#indexes.set(shard, (index = new FrameIndex()));
      addFrame(index, frame);
      this.#nextSeen.set(shard, Math.max(index.next, this.#nextSeen.get(shard) ?? 0));
    }
  }
}
