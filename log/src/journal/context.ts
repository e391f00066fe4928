import type { Clock, Disk, LogEvent } from "../api.js";
import type { ReadHandles } from "../files/log-file.js";
import type { Paths } from "../files/paths.js";
import type { SpareFiles } from "../files/spare-files.js";
import type { SealedJournal } from "../settle/sealed-journal.js";
import type { SlabPool } from "../slab-pool.js";
import type { Counters } from "./counters.js";

/** What the parts of one open log share. */
export interface Context {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly paths: Paths;
  readonly handles: ReadHandles;
  readonly spares: SpareFiles;
  readonly counters: Counters;
  /** Memory of appends, given back once they are synced. */
  readonly slabs: SlabPool;
  readonly journalBytesMax: number;
  /** Of a file that several shards share. */
  readonly sharedJournalBytesMax: number;
  report(event: LogEvent): void;
  /** Journals that wait to become segments, oldest first. */
  readonly sealed: SealedJournal[];
  /** Rises with each file, over all journals and segments. */
  nextFileNumber(): number;
}
