import type { DiskFile } from "../api.js";
import { diskError } from "../files/disk-error.js";
import type { LogFile } from "../files/log-file.js";
import { journalIndexPath } from "../files/paths.js";
import type { Link } from "../format/file-header.js";
import type { Context } from "../journal/context.js";
import type { Part } from "../shard/part.js";
import type { Shard } from "../shard/shard.js";
import { encodeCheckpoint, type JournalState, type RunsOfShard } from "./checkpoint.js";

/** What a journal holds at the end of a batch. */
export interface JournalSoFar {
  readonly batch: number;
  readonly links: readonly Link[];
  readonly parts: ReadonlyMap<Shard, Part>;
  /** Those put since the last checkpoint. */
  readonly states: readonly JournalState[];
}

/**
 * Writes a journal's sidecar beside it, a checkpoint at a time, without a sync: it spares the next start the scan of what
 * it covers, and losing it costs only that.
 */
export class JournalIndexWriter {
  readonly #context: Pick<Context, "disk" | "report">;
  readonly #journal: LogFile;
  /** Of each shard, what the last checkpoint had. */
  readonly #written = new Map<Shard, { readonly runs: number; readonly next: number }>();
  #number = 0;
  #bytes = 0;
  #coveredBytes = 0;
  /** A checkpoint is missing, so further ones would mean nothing. */
  #isBroken = false;

  constructor(context: Pick<Context, "disk" | "report">, journal: LogFile) {
    this.#context = context;
    this.#journal = journal;
  }

  /** Bytes of the journal that the sidecar does not cover. */
  get uncoveredBytes(): number {
    return this.#journal.bytes - this.#coveredBytes;
  }

  /** Covers all that the journal holds: acknowledged, up to the end of a batch. Never throws. */
  async write({ batch, links, parts, states }: JournalSoFar): Promise<void> {
    const from = this.#coveredBytes;
    const to = this.#journal.bytes;
    this.#coveredBytes = to;
    if (this.#isBroken || to === from) return;
    const shards = this.#grown(parts);
    const { fileId } = this.#journal;
    const bytes = encodeCheckpoint(fileId, this.#number, { from, to, batch, links, states, shards });
    try {
      if (bytes === undefined) this.#isBroken = true;
      else await this.#append(bytes);
    } catch (error) {
      this.#isBroken = true;
      const cause = diskError(error, "journal index").message;
      const { path } = this.#journal;
      this.#context.report({ level: "warn", message: "journal index not written", path, error: cause });
    }
  }

  /** The last run of before comes once more: it may have grown. */
  #grown(parts: ReadonlyMap<Shard, Part>): RunsOfShard[] {
    const grown: RunsOfShard[] = [];
    for (const [shard, { index }] of parts) {
      const before = this.#written.get(shard);
      if (before?.next === index.next) continue;
      grown.push({ shard: shard.number, runsBefore: before === undefined ? 0 : before.runs - 1, index });
      this.#written.set(shard, { runs: index.runs, next: index.next });
    }
    return grown;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const { disk } = this.#context;
    const path = journalIndexPath(this.#journal.path);
    let file: DiskFile;
    if (this.#number === 0) {
      await disk.remove(path); // of a journal that had this number before a crash
      file = await disk.open(path, "create");
    } else {
      file = await disk.open(path, "write");
    }
    try {
      await file.write([bytes], this.#bytes);
    } finally {
      await file.close();
    }
    this.#number++;
    this.#bytes += bytes.length;
  }
}
