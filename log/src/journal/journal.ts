import type { LogError, PackedAppend } from "../api.js";
import { diskError } from "../files/disk-error.js";
import { AppendMemory } from "../format/append-memory.js";
import type { EncodedAppend } from "../format/encoded-append.js";
import { FrameIndex } from "../shard/frame-index.js";
import { partOf } from "../shard/part.js";
import type { Shard } from "../shard/shard.js";
import type { Context } from "./context.js";
import { JournalFile } from "./journal-file.js";
import type { SealedJournal } from "../settle/sealed-journal.js";

/** A batch holds at most so much, so that forming it does not hold up the process and nobody waits long for a sync. */
const batchBytesMax = 8 * 1024 * 1024;
const batchFramesMax = 16 * 1024;
/** A journal that has been idle for so long writes a trailing mark. */
const idleMs = 100;

/** An append that waits for its sync. */
export interface PendingAppend {
  readonly shard: Shard;
  readonly encoded: EncodedAppend;
  readonly position: number;
  readonly arrivalMs: number;
  /** The number of a state; undefined for records. */
  readonly stateNumber: number | undefined;
  readonly outcome: Outcome;
}

/** Who is told what became of an append. */
export type Outcome = Pick<PackedAppend, "appended" | "failed">;

/** Takes the appends of some shards, and commits them in batches: one write, one sync for all that came meanwhile. */
export class Journal {
  readonly #context: Context;
  readonly #sealed: (journal: SealedJournal) => Promise<void>;
  /** The shards of the current file. They stay together until it is sealed, or their order could not be told. */
  readonly members = new Set<Shard>();
  /** Where its appends are encoded. */
  readonly memory: AppendMemory;
  #pending: PendingAppend[] = [];
  pendingBytes = 0;
  #file: JournalFile | undefined;
  #running: Promise<void> | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** `sealed` takes over a file that gets no more batches; the journal goes on once it has resolved. */
  constructor(context: Context, sealed: (journal: SealedJournal) => Promise<void>) {
    this.#context = context;
    this.#sealed = sealed;
    this.memory = new AppendMemory(context.slabs);
  }

  /** Takes an append into the next batch. */
  push(append: PendingAppend): void {
    this.#pending.push(append);
    this.pendingBytes += append.encoded.bytes;
    this.#context.counters.pendingBytes += append.encoded.bytes;
    this.#run();
  }

  /** Bytes that the current file takes on the disk. */
  get diskBytes(): number {
    return this.#file?.diskBytes ?? 0;
  }

  /** Waits for what is pending, writes the trailing mark and closes the file. Nothing is pushed afterwards. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    clearTimeout(this.#idle);
    const file = this.#file;
    if (file === undefined) return;
    // What cannot be ended is recovered by the next start as after a crash.
    await this.#ended(file);
    await this.#closed(file);
  }

  /** Commits batch after batch until nothing is pending. */
  #run(): void {
    if (this.#running !== undefined) return;
    clearTimeout(this.#idle);
    this.#running = (async () => {
      await Promise.resolve(); // appends called in one go share a batch
      while (this.#pending.length > 0) await this.#commit(this.#take());
      this.#running = undefined;
      this.#idle = setTimeout(() => this.#markIdle(), idleMs).unref();
    })();
  }

  #markIdle(): void {
    this.#running = (async () => {
      await this.#mark();
      this.#running = undefined;
      if (this.#pending.length > 0) this.#run();
    })();
  }

  /** The trailing mark of an idle journal: proves to recovery that the batch before it was acknowledged. */
  async #mark(): Promise<void> {
    if (this.#file?.needsMark) await this.#commit([]);
  }

  /** The oldest appends, as many as make a batch. */
  #take(): PendingAppend[] {
    let bytes = 0;
    let frames = 0;
    let count = 0;
    for (const { encoded } of this.#pending) {
      bytes += encoded.bytes;
      frames += encoded.frames;
      if (count > 0 && (bytes > batchBytesMax || frames > batchFramesMax)) break;
      count++;
    }
    return this.#pending.splice(0, count);
  }

  async #commit(batch: readonly PendingAppend[]): Promise<void> {
    try {
      this.#file ??= await JournalFile.create(this.#context);
      const file = this.#file;
      let offset = await file.writeBatch(
        batch.map(({ encoded }) => encoded),
        ordinalsOf(batch),
      );
      for (const append of batch) {
        this.#committed(file, append, offset);
        offset += append.encoded.bytes;
      }
    } catch (error) {
      await this.#fail(batch, diskError(error, "append"));
      return;
    }
    await this.#file.checkpoint();
    if (this.#isFull(this.#file)) await this.#seal(this.#file);
  }

  #isFull({ log, shards }: JournalFile): boolean {
    const { journalBytesMax, sharedJournalBytesMax } = this.#context;
    return log.bytes >= (shards.size > 1 ? sharedJournalBytesMax : journalBytesMax);
  }

  #committed(file: JournalFile, append: PendingAppend, offset: number): void {
    const { shard, encoded, position, arrivalMs } = append;
    const end = offset + encoded.bytes;
    this.#released(append);
    encoded.block.release();
    if (shard.deleted) {
      file.lastWriter = undefined;
    } else {
      if (append.stateNumber === undefined) {
        let part = file.parts.get(shard);
        if (part === undefined) {
          part = partOf(file.log, new FrameIndex());
          part.first = position;
          file.parts.set(shard, part);
          file.shards.add(shard);
          shard.replaceParts(shard.parts.length, 0, [part]);
        }
        const adjacent = file.lastWriter === shard;
        const { frames: count, payloadBytes } = encoded;
        part.index.add({ position, count, arrivalMs, offset, end, payloadBytes }, adjacent);
        part.next = part.index.next;
        file.lastWriter = shard;
        shard.commitUpTo(part.next);
      } else {
        const number = append.stateNumber;
        shard.state = { file: file.log, offset, bytes: end - offset, position, number };
        file.shards.add(shard);
        file.addState(shard, { number, position, offset, end });
        file.lastWriter = undefined;
      }
    }
    this.#context.counters.diskFailure = undefined;
    this.#context.counters.appendedFrames += encoded.frames;
    this.#context.counters.appendedBytes += encoded.payloadBytes;
    append.outcome.appended(position, arrivalMs);
  }

  /** Fails the batch and all that waits behind it, so that nothing overtakes a failed frame; goes on in a new file. */
  async #fail(batch: readonly PendingAppend[], error: LogError): Promise<void> {
    const failed = [...batch, ...this.#pending];
    this.memory.abandon();
    this.#pending = [];
    for (const append of failed) {
      this.#released(append);
      append.shard.next = append.shard.committed;
      this.#context.counters.failed(error.code);
    }
    this.#context.counters.diskFailure = error;
    const file = this.#file;
    this.#file = undefined;
    for (const { outcome } of failed) outcome.failed(error);
    this.#context.report({ level: "error", message: "append failed", error: error.message, appends: failed.length });
    if (error.code === "disk-full") await this.#context.spares.giveUp();
    if (file === undefined) return;
    // The descriptor is not used again: after a failed sync the next one may succeed without the bytes on disk.
    await this.#closed(file);
    if (file.log.bytes === 0 && (await this.#removed(file))) return;
    await this.#sealed({ file: file.log, shards: file.shards, clean: false, left: false });
  }

  async #seal(file: JournalFile): Promise<void> {
    const healthy = await this.#ended(file);
    this.#file = undefined;
    if (healthy) {
      this.members.clear();
      for (const { shard } of this.#pending) this.members.add(shard); // they go into the next file
    }
    await this.#closed(file);
    await this.#sealed({ file: file.log, shards: file.shards, clean: healthy, left: false });
  }

  /** A file of which nothing was acknowledged goes at once: a full disk would collect one for each append. */
  async #removed({ log }: JournalFile): Promise<boolean> {
    const { disk, paths } = this.#context;
    try {
      await disk.remove(log.path);
      await disk.syncDirectory(paths.journals);
      return true;
    } catch {
      return false; // it is sealed instead, and so counts for nothing
    }
  }

  async #ended(file: JournalFile): Promise<boolean> {
    try {
      await file.finish();
      return true;
    } catch (error) {
      const message = diskError(error, "seal").message;
      this.#context.report({ level: "error", message: "journal not ended", path: file.log.path, error: message });
      return false;
    }
  }

  async #closed(file: JournalFile): Promise<void> {
    try {
      await file.close();
    } catch (error) {
      const message = diskError(error, "close").message;
      this.#context.report({ level: "warn", message: "journal not closed", path: file.log.path, error: message });
    }
  }

  #released(append: PendingAppend): void {
    this.pendingBytes -= append.encoded.bytes;
    this.#context.counters.pendingBytes -= append.encoded.bytes;
  }
}

/** The ordinal of each append's first frame: how many frames of its shard the batch holds before. */
function ordinalsOf(batch: readonly PendingAppend[]): number[] {
  const ordinals = batch.map(({ shard, encoded, stateNumber }) => {
    const before = shard.framesInBatch;
    if (stateNumber === undefined) shard.framesInBatch += encoded.frames;
    return before;
  });
  for (const { shard } of batch) shard.framesInBatch = 0;
  return ordinals;
}
