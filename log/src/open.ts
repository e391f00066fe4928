import type { Disk, Log, LogOptions } from "./api.js";
import { diskError } from "./files/disk-error.js";
import { checkFormat, DirectoryFormat } from "./files/format-file.js";
import { ReadHandles } from "./files/log-file.js";
import { Paths } from "./files/paths.js";
import { SpareFiles } from "./files/spare-files.js";
import type { Context } from "./journal/context.js";
import { Counters } from "./journal/counters.js";
import { DurableLog } from "./log.js";
import { recover } from "./recovery/recover.js";
import { DamageLog } from "./shard/damage-log.js";
import { SlabPool } from "./slab-pool.js";
import { ShardTable } from "./shard/shard-table.js";

/** Memory of appends that is kept for the next ones. */
const slabBytesMax = 16 * 1024 * 1024;
/** Files kept open for reading. */
const openFilesMax = 128;

/**
 * Opens the log in a directory, recovering what a crash left behind.
 * @throws {LogError} `unsupported-format`, `disk-failed`.
 */
export async function openLog(options: LogOptions): Promise<Log> {
  const { disk, clock } = options;
  const paths = new Paths(options.directory);
  const report = options.report ?? (() => undefined);
  const damage = new DamageLog(report);
  const table = new ShardTable(disk, paths.shardTables);
  const journalBytesMax = options.journalBytesMax ?? 64 * 1024 * 1024;
  const handles = new ReadHandles(disk, openFilesMax);
  let fileNumber = 0;
  try {
    for (const directory of [paths.journals, paths.shards, paths.quarantine]) await disk.makeDirectory(directory);
    const spareBytesMax = await allowedSpareBytes(disk, paths, options.spareBytesMax ?? 0);
    const spareLimits = { bytesMax: spareBytesMax, fileBytesMin: journalBytesMax / 2 };
    const context: Context = {
      disk,
      clock,
      paths,
      handles,
      spares: new SpareFiles(disk, clock, paths, handles, spareLimits),
      counters: new Counters(),
      slabs: new SlabPool(slabBytesMax),
      journalBytesMax,
      sharedJournalBytesMax: options.sharedJournalBytesMax ?? journalBytesMax,
      report,
      sealed: [],
      nextFileNumber: () => ++fileNumber,
    };
    const recovered = await recover(context, await table.read(), damage);
    fileNumber = Math.max(recovered.fileNumberMax, await context.spares.load());
    const log = new DurableLog(context, options, damage, table, recovered);
    log.settleLeft(recovered.journals, options.settleLeftAfterMs ?? 0);
    return log;
  } catch (error) {
    throw diskError(error, `open ${options.directory}`);
  }
}

/** Checks the directory's format. Files are used again only where it says so, to versions that do not know their names. */
async function allowedSpareBytes(disk: Disk, { format }: Paths, spareBytesMax: number): Promise<number> {
  const { plain, filesUsedAgain } = DirectoryFormat;
  const version = await checkFormat(disk, format, spareBytesMax > 0 ? filesUsedAgain : plain);
  return version >= filesUsedAgain ? spareBytesMax : 0;
}
