import type { Disk, Log, LogOptions } from "../api.js";
import type { FaultDisk } from "./fault-disk.js";
import { openSmall, pathsOf, untilIdle } from "./records.js";

/* docs/design/log.md, "Files used again". A journal of these logs holds some eighteen records of 1,000 bytes. */

/** Opens a log of one journal that keeps some files to be used again. */
export const openReusing = (disk: Disk, options: Partial<LogOptions> = {}): Promise<Log> =>
  openSmall(disk, { journals: 1, spareBytesMax: 50_000, ...options });

/** Journals that lie in files that were used before. */
export const reusedOf = (disk: FaultDisk): string[] =>
  pathsOf(disk, ".journal").filter((path) => /-[0-9a-f]{16}\.journal$/.test(path));

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Records as long as the numbered ones, of other bytes. */
export const formerBytes = Buffer.alloc(1000, "f");

export async function fillFormer(log: Log, records: number): Promise<void> {
  for (let i = 0; i < records; i++) await log.append("former", [{ data: formerBytes }]);
}

/** Opens a new log whose shard `former` has left files to be used again, as segments that were trimmed. */
export async function withSpares(disk: FaultDisk, options: Partial<LogOptions> = {}, over: Disk = disk): Promise<Log> {
  const log = await openReusing(over, options);
  await log.createShards(["former", "a", "b"]);
  await fillFormer(log, 100);
  await untilIdle(disk);
  await log.trimBefore("former", log.bounds("former").next);
  await untilIdle(disk);
  return log;
}
