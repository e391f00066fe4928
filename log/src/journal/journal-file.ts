import type { DiskFile } from "../api.js";
import type { LogFile } from "../files/log-file.js";
import { BatchChecksum, commitMarkBytes, encodeCommitMark } from "../format/commit-mark.js";
import type { EncodedAppend } from "../format/encoded-append.js";
import type { AppendBlock } from "../format/append-memory.js";
import { stampAppend } from "../format/encoded-append.js";
import type { Link } from "../format/file-header.js";
import { encodeFileHeader, randomFileId } from "../format/file-header.js";
import { noShard } from "../format/frame.js";
import type { JournalState } from "../journal-index/checkpoint.js";
import { JournalIndexWriter } from "../journal-index/journal-index-writer.js";
import type { SealedJournal } from "../settle/sealed-journal.js";
import type { Part } from "../shard/part.js";
import type { Shard } from "../shard/shard.js";
import type { Context } from "./context.js";

/** Files grow by this much ahead of the writing: syncs are quicker where a write does not change the file's length. */
const growBytesMax = 4 * 1024 * 1024;
/** The sidecar follows in so many steps, so that a crash leaves little to be scanned. */
const checkpointsPerFile = 8;
/** What the system's cache keeps or reads at once. */
const pageBytes = 4096;
const zeros = Buffer.alloc(pageBytes);

/** A journal's current file: takes one batch after the other, each synced before the next is written. */
export class JournalFile {
  readonly log: LogFile;
  /** What the file holds of each shard. */
  readonly parts = new Map<Shard, Part>();
  /** Whose records or states it holds. */
  readonly shards = new Set<Shard>();
  /** Whose frames came last. */
  lastWriter: Shard | undefined;
  readonly #context: Context;
  readonly #file: DiskFile;
  /** States put since the last checkpoint. */
  readonly #states: JournalState[] = [];
  readonly #index: JournalIndexWriter;
  readonly #links: readonly Link[];
  /** Goes out with the first batch, so that a file costs one sync. */
  #header: Buffer | undefined;
  #batch = 0;
  /** The length of a file that is used again: up to here it has its blocks, with bytes of its former life. */
  readonly #reusedBytes: number;
  #grownTo: number;
  /** The last batch had frames, so only the next batch will prove that it was synced. */
  needsMark = false;

  private constructor(context: Context, { file, log, reusedBytes }: Opened, header: Buffer, links: readonly Link[]) {
    this.#context = context;
    this.#file = file;
    this.log = log;
    this.#reusedBytes = reusedBytes;
    this.#grownTo = reusedBytes;
    this.#index = new JournalIndexWriter(context, log);
    this.#header = header;
    this.#links = links;
  }

  static async create(context: Context): Promise<JournalFile> {
    const opened = (await openSpare(context)) ?? (await openNew(context));
    const { fileId, fileNumber, path } = opened.log;
    const links: Link[] = [];
    let header: Buffer;
    try {
      // Of a file that is used again nothing is written before its new name is durable: the old one would tell of other bytes.
      await context.disk.syncDirectory(context.paths.journals);
      links.push(...context.sealed.filter(({ left }) => !left).map(linkTo));
      header = encodeFileHeader({ fileId, fileNumber, shard: noShard, links });
    } catch (error) {
      await opened.file.close();
      await context.disk.remove(path);
      throw error;
    }
    return new JournalFile(context, opened, header, links);
  }

  /** Bytes that it takes on the disk. */
  get diskBytes(): number {
    return Math.max(this.log.bytes, this.#reusedBytes);
  }

  /**
   * Writes the appends and their mark in one go, and syncs. Nothing may be written after it has thrown.
   * @param ordinals of each append's first frame.
   * @returns where the first append lies; the others follow.
   */
  async writeBatch(appends: readonly EncodedAppend[], ordinals: readonly number[]): Promise<number> {
    const { fileId } = this.log;
    const batch = ++this.#batch;
    const buffers = new BatchBuffers();
    if (this.#header !== undefined) buffers.add(this.#header);
    let offset = this.log.bytes + (this.#header?.length ?? 0);
    const first = offset;
    const checksum = new BatchChecksum();
    for (let i = 0; i < appends.length; i++) {
      const append = appends[i]!;
      stampAppend(append, { fileId, batch, offset, ordinal: ordinals[i]! }, checksum);
      buffers.addAppend(append);
      offset += append.bytes;
    }
    buffers.add(encodeCommitMark(checksum, { fileId, batch, offset, arrivalMs: this.#context.clock.now() }));
    offset += commitMarkBytes;

    // The last page is written whole: for its rest to stay as it is, the system would have to read it first.
    const padding = offset < this.#reusedBytes ? -offset & (pageBytes - 1) : 0;
    if (padding > 0) buffers.add(zeros.subarray(0, padding));

    if (offset > this.#grownTo) {
      this.#grownTo = offset + Math.min(growBytesMax, this.#context.journalBytesMax);
      await this.#file.truncate(this.#grownTo);
    }
    await this.#file.write(buffers.all(), this.log.bytes);
    this.#context.counters.syncs++;
    // One trip to the disk's threads instead of two.
    if (!this.#file.syncsWrites) await this.#file.sync();
    this.#header = undefined;
    this.log.bytes = offset;
    this.needsMark = appends.length > 0;
    return first;
  }

  /** Notes where a state of the last batch lies. */
  addState(shard: Shard, state: Omit<JournalState, "shard">): void {
    this.#states.push({ ...state, shard: shard.number });
  }

  /** Follows with the sidecar once much has come since it did. */
  async checkpoint(): Promise<void> {
    if (this.#index.uncoveredBytes * checkpointsPerFile >= this.#context.journalBytesMax) await this.#writeIndex();
  }

  #writeIndex(): Promise<void> {
    return this.#index.write({
      batch: this.#batch,
      links: this.#links,
      parts: this.parts,
      states: this.#states.splice(0),
    });
  }

  /** Ends the file for good: the trailing mark proves that all before it was acknowledged. */
  async finish(): Promise<void> {
    if (this.needsMark) await this.writeBatch([], []);
    await this.#file.truncate(this.log.bytes);
    await this.#file.sync();
    await this.#writeIndex();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

interface Opened {
  readonly file: DiskFile;
  readonly log: LogFile;
  /** 0 of a new file. */
  readonly reusedBytes: number;
}

/** Its id stands in its name: the id that stands in the file is that of its former life until the first batch is written. */
async function openSpare(context: Context): Promise<Opened | undefined> {
  const { disk, paths, spares } = context;
  if (spares.bytes === 0) return undefined;
  const fileNumber = context.nextFileNumber();
  const fileId = randomFileId();
  const path = paths.journal(fileNumber, fileId);
  const reusedBytes = await spares.take(path);
  if (reusedBytes === undefined) return undefined;
  try {
    const file = await disk.open(path, "write", { syncsWrites: true });
    return { file, log: { fileId, fileNumber, path, isSegment: false, bytes: 0 }, reusedBytes };
  } catch (error) {
    await disk.remove(path);
    throw error;
  }
}

async function openNew(context: Context): Promise<Opened> {
  const fileNumber = context.nextFileNumber();
  const path = context.paths.journal(fileNumber);
  const file = await context.disk.open(path, "create", { syncsWrites: true });
  return { file, log: { fileId: randomFileId(), fileNumber, path, isSegment: false, bytes: 0 }, reusedBytes: 0 };
}

/** What a batch writes; appends that follow each other in memory go in one piece. */
class BatchBuffers {
  readonly #buffers: Uint8Array[] = [];
  /** The stretch that may still grow. */
  #block: AppendBlock | undefined;
  #from = 0;
  #to = 0;

  add(buffer: Uint8Array): void {
    this.#endStretch();
    this.#buffers.push(buffer);
  }

  addAppend({ block, from, to, buffers }: EncodedAppend): void {
    if (buffers !== undefined) {
      for (const buffer of buffers) this.add(buffer);
    } else if (block === this.#block && from === this.#to) {
      this.#to = to;
    } else {
      this.#endStretch();
      this.#block = block;
      this.#from = from;
      this.#to = to;
    }
  }

  all(): readonly Uint8Array[] {
    this.#endStretch();
    return this.#buffers;
  }

  #endStretch(): void {
    if (this.#block !== undefined) this.#buffers.push(this.#block.slab.subarray(this.#from, this.#to));
    this.#block = undefined;
  }
}

function linkTo({ file }: SealedJournal): Link {
  return { fileId: file.fileId, sealedBytes: file.bytes };
}
