import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, type Disk, lockDirectory, type Log, openLog } from "@headwater/log";
import type { Logger } from "pino";
import type { Catalog } from "./catalog/catalog.js";
import { SqliteCatalog } from "./catalog/sqlite-catalog.js";
import { Closers } from "./closers.js";
import { TrialWrite } from "./trial-write.js";

/** Single records cost their syncs more than a second copy; batches and video do not. */
const SHARED_APPEND_BYTES_MAX = 16 * 1024;

/**
 * Twice what another journal has. Hundreds of shards that share one become hundreds of files, each with its syncs, and this halves
 * them; with four times as much, puts that wait for a journal to be settled would wait for a second.
 */
const SHARED_JOURNAL_BYTES_MAX = 128 << 20;

/** Four of those, or eight journals of one shard: each journal finds one to write over. */
const SPARE_BYTES_MAX = 512 << 20;
/** Of the disk, where that is less: a small one has better uses for its room. */
const SPARE_SHARE_MAX = 1 / 64;

/** By then the cloud serves, also where a crash left it much to settle. */
const SETTLE_LEFT_AFTER_MS = 2_000;

/** What the cloud keeps on disk. */
export interface Storage {
  readonly log: Log;
  readonly catalog: Catalog;
  readonly trialWrite: TrialWrite;
  /** To be called by whoever else finds the disk of the data directory full: the log has files that it can do without. */
  readonly onDiskFull: () => void;
  close(): Promise<void>;
}

/**
 * Takes a data directory for this process and opens what is in it.
 * @throws {LogError} `directory-in-use`, `unsupported-format`, `disk-failed`.
 */
export async function openStorage(
  directory: string,
  { disk, clock, logger }: { readonly disk: Disk; readonly clock: Clock; readonly logger: Logger },
): Promise<Storage> {
  const closers = new Closers();
  return closers.closeOnFailure(async () => {
    await disk.makeDirectory(directory);
    const lock = await lockDirectory(directory);
    closers.add(() => lock.release());
    const log = await openLog({
      directory: join(directory, "log"),
      disk,
      clock,
      sharedAppendBytesMax: SHARED_APPEND_BYTES_MAX,
      sharedJournalBytesMax: SHARED_JOURNAL_BYTES_MAX,
      spareBytesMax: await spareBytesMax(directory),
      settleLeftAfterMs: SETTLE_LEFT_AFTER_MS,
      report: (event) => {
        const { level, message, ...detail } = event;
        logger[level](detail, message);
      },
    });
    closers.add(() => log.close());
    const onDiskFull = (): void => void log.makeRoom();
    const catalog = await SqliteCatalog.open(join(directory, "catalog.sqlite"), onDiskFull);
    closers.add(() => catalog.close());
    return { log, catalog, trialWrite: new TrialWrite(log), onDiskFull, close: () => closers.close() };
  });
}

async function spareBytesMax(directory: string): Promise<number> {
  const { bsize, blocks } = await statfs(directory);
  return Math.min(SPARE_BYTES_MAX, Math.floor(bsize * blocks * SPARE_SHARE_MAX));
}
