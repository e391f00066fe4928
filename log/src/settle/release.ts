import { diskError } from "../files/disk-error.js";
import type { LogFile } from "../files/log-file.js";
import { wasJournal } from "../files/spare-files.js";
import type { Context } from "../journal/context.js";
import type { Shard } from "../shard/shard.js";

/**
 * Forgets the parts in segments that lie before a trimmed position.
 * @param written the table says so. Otherwise the last part stays: the next position is told by it.
 */
export function forgetTrimmed(shard: Shard, trimmed: number, written: boolean): void {
  const { parts } = shard;
  let count = 0;
  while (count < parts.length && parts[count]!.file.isSegment && parts[count]!.next <= trimmed) count++;
  if (!written && count === parts.length) count--;
  if (count > 0) shard.replaceParts(0, count, []);
}

/** The segments that neither parts nor the state lie in. */
export function unusedSegments(shard: Shard): LogFile[] {
  const used = new Set<LogFile | undefined>(shard.parts.map(({ file }) => file));
  used.add(shard.state?.file);
  return [...shard.segments].filter((file) => !used.has(file));
}

/**
 * Deletes the unused segments. Comes before a journal goes: what an attempt at settling
 * it has left must not outlive it, since then it would count.
 */
export async function removeUnused(context: Context, shard: Shard): Promise<void> {
  const { disk, paths, spares, counters } = context;
  const unused = unusedSegments(shard);
  for (const file of unused) {
    await spares.retire(file, wasJournal(file));
  }
  if (unused.length === 0) return;
  await disk.syncDirectory(paths.shard(shard.number));
  for (const file of unused) {
    shard.segments.delete(file);
    counters.segmentBytes -= file.bytes;
  }
  try {
    await shard.sidecar.forget(context, unused);
  } catch (error) {
    // It is tried again with the next segments that go.
    const cause = diskError(error, "sidecar").message;
    context.report({ level: "warn", message: "sidecar not shortened", shard: shard.name, error: cause });
  }
}
