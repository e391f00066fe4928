import type { LogFile } from "../files/log-file.js";
import type { Shard } from "../shard/shard.js";

/** A journal that takes no more batches, and waits to become segments. */
export interface SealedJournal {
  readonly file: LogFile;
  /** Whose records or newest state it may hold. */
  readonly shards: ReadonlySet<Shard>;
  /** Every byte of it was acknowledged. */
  readonly clean: boolean;
  /** Left over from an earlier process, whose next start judges it by itself again. */
  readonly left: boolean;
}
