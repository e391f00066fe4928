import { dirname } from "node:path";
import { diskError } from "../files/disk-error.js";
import { journalIndexPath } from "../files/paths.js";
import type { Context } from "../journal/context.js";
import type { Shard } from "../shard/shard.js";
import { unhurried } from "../unhurried.js";
import { copyJournal } from "./copy-journal.js";
import { forgetTrimmed, removeUnused } from "./release.js";
import type { SealedJournal } from "./sealed-journal.js";
import { writeIndexOf } from "./segment-writer.js";

/** A journal waits to be settled again for so long after it could not be. */
const retryMs = 5000;
/**
 * Journals wait while more have been sealed and not settled, unless it is the disk that holds settling up. They wait for the
 * next one only: for all, puts would stand still for seconds.
 */
const backlogMax = 8;

/**
 * Turns sealed journals into segments, and deletes segments that nothing refers to any more: one thing after the other,
 * beside the appends. docs/design/log.md, "Settling".
 */
export class Settler {
  readonly #context: Context;
  /** Writes down what was trimmed so far: before bytes go, since positions are told by them. */
  readonly #writeTable: () => Promise<void>;
  /** A journal goes when those before it are gone: its header tells how much of them counts. */
  readonly #journals: SealedJournal[];
  /** All of their frames are in segments. */
  readonly #settled = new Set<SealedJournal>();
  /** Who waits for the next journal to be settled. */
  readonly #waiting: (() => void)[] = [];
  readonly #closing = new AbortController();
  #last: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;

  constructor(context: Context, writeTable: () => Promise<void>) {
    this.#context = context;
    this.#journals = context.sealed;
    this.#writeTable = writeTable;
  }

  /** Takes a journal over. Resolves at once, or where there is a backlog, once there is none or settling was tried. */
  async add(journal: SealedJournal): Promise<void> {
    this.adopt([journal]);
    const tried = this.settle().then(() => true);
    while (this.#journals.length - this.#settled.size > backlogMax) {
      const next = new Promise<boolean>((resolve) => this.#waiting.push(() => resolve(false)));
      if (await Promise.race([tried, next])) return;
    }
  }

  /** Takes journals over, to be settled with the next ones. */
  adopt(journals: readonly SealedJournal[]): void {
    this.#journals.push(...journals);
  }

  /** Resolves once all journals are settled or could not be, which is reported and tried again later. */
  async settle(): Promise<void> {
    await this.#serially(() => this.#settleAll());
  }

  /** Deletes what the shards no longer need. Answers those for which the disk did not let it be done or written down. */
  async release(shards: readonly Shard[]): Promise<ReadonlySet<Shard>> {
    const failed = new Set<Shard>();
    await this.#serially(async () => {
      const trimmed = shards.map((shard) => shard.trimmed);
      let written = true;
      try {
        await this.#writeTable();
      } catch (error) {
        // On a full disk it is this that makes room.
        written = false;
        for (const shard of shards) failed.add(shard);
        this.#report("trims not written", error);
      }
      let first: { readonly error: unknown; readonly shard: string } | undefined;
      for await (const [i, shard] of unhurried(shards.entries())) {
        if (shard.deleted) continue;
        forgetTrimmed(shard, trimmed[i]!, written);
        try {
          await removeUnused(this.#context, shard);
        } catch (error) {
          failed.add(shard);
          first ??= { error, shard: shard.name };
        }
      }
      if (first !== undefined) this.#report("segments not deleted", first.error, { shard: first.shard });
    });
    return failed;
  }

  /** Deletes all of a shard that has been deleted. */
  deleteAll(shard: Shard): Promise<void> {
    return this.#serially(async () => {
      for (const file of shard.segments) await this.#context.handles.close(file);
      await this.#context.disk.remove(this.#context.paths.shard(shard.number));
      for (const file of shard.segments) this.#context.counters.segmentBytes -= file.bytes;
      shard.segments.clear();
    });
  }

  /** What is being settled is left to the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#retry);
    await this.#last;
  }

  /** Does nothing once the log is being closed: the next start finds what is left to do. */
  #serially(task: () => Promise<void>): Promise<void> {
    const before = this.#last;
    const done = (async () => {
      await before;
      if (!this.#closing.signal.aborted) await task();
    })();
    this.#last = done.catch(() => undefined); // heard by the caller
    return done;
  }

  async #settleAll(): Promise<void> {
    for (const journal of this.#journals.slice()) {
      if (this.#settled.has(journal) || !this.#journals.includes(journal)) continue;
      try {
        if (await this.#becomesSegment(journal)) continue;
        await copyJournal(this.#context, journal, this.#closing.signal);
        this.#settled.add(journal);
        await this.#removeSettled();
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#report("journal not settled", error, { path: journal.file.path });
        if (diskError(error, "settle").code === "disk-full") await this.#context.spares.giveUp();
        this.#retryLater();
      } finally {
        for (const goOn of this.#waiting.splice(0)) goOn();
      }
    }
    try {
      await this.#removeSettled();
    } catch (error) {
      this.#report("settled journals not removed", error);
      this.#retryLater();
    }
  }

  /** A journal of one shard is not copied: it is renamed. */
  async #becomesSegment(journal: SealedJournal): Promise<boolean> {
    const { disk, paths, handles } = this.#context;
    const { file } = journal;
    const [shard, ...others] = [...journal.shards].filter(({ deleted }) => !deleted);
    if (!journal.clean || shard === undefined || others.length > 0) return false;
    if (journal !== this.#journals[0]) return false;
    const part = shard.parts.find((candidate) => candidate.file === file);
    if (part !== undefined && part.next <= shard.trimmed && shard.state?.file !== file) return false;
    await removeUnused(this.#context, shard);
    const { path: from, fileNumber, fileId } = file;
    const to = paths.segment(shard.number, { fileNumber, journalNumber: fileNumber, fileId });
    await disk.makeDirectory(dirname(to));
    // Not synced: it counts the same under either name. Open meanwhile, so that no reader looks for it under the old one.
    await handles.use(file, async () => {
      await disk.rename(from, to);
      file.path = to;
    });
    file.isSegment = true;
    shard.segments.add(file);
    this.#context.counters.segmentBytes += file.bytes;
    this.#journals.shift();
    await disk.remove(journalIndexPath(from));
    if (part !== undefined) await writeIndexOf(this.#context, shard, part);
    return true;
  }

  async #removeSettled(): Promise<void> {
    const { disk, spares } = this.#context;
    if (this.#journals[0] === undefined || !this.#settled.has(this.#journals[0])) return;
    // Where all of a shard is trimmed, only the table tells its next position.
    await this.#writeTable();
    for (let first = this.#journals[0]; first !== undefined && this.#settled.has(first); first = this.#journals[0]) {
      for await (const shard of unhurried(first.shards)) if (!shard.deleted) await removeUnused(this.#context, shard);
      await disk.remove(journalIndexPath(first.file.path));
      await spares.retire(first.file, first.clean);
      await disk.syncDirectory(dirname(first.file.path));
      this.#journals.shift();
      this.#settled.delete(first);
    }
  }

  #retryLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#serially(() => this.#settleAll()).catch((error: unknown) => this.#report("journals not settled", error));
    }, retryMs).unref();
  }

  #report(message: string, error: unknown, details: Record<string, unknown> = {}): void {
    if (this.#closing.signal.aborted) return;
    this.#context.report({ level: "error", message, error: diskError(error, message).message, ...details });
  }
}
