import { join } from "node:path";
import { diskError } from "../files/disk-error.js";
import type { LogFile } from "../files/log-file.js";
import { isFormerSidecar, parseSegmentName, shardSidecarName } from "../files/paths.js";
import { frameHeaderBytes } from "../format/frame.js";
import type { Context } from "../journal/context.js";
import { writeIndexOf } from "../settle/segment-writer.js";
import type { DamageLog } from "../shard/damage-log.js";
import type { Part } from "../shard/part.js";
import { partOf } from "../shard/part.js";
import type { Shard } from "../shard/shard.js";
import { scanSegment } from "./scan-segment.js";

/** A segment that had to be scanned, and is larger than this, comes into the sidecar. */
const unindexedBytesMax = 64 * 1024;

export interface LoadedSegments {
  readonly parts: readonly Part[];
  /** So many positions may have been behind the last record of a damaged segment. */
  readonly lostPositionsMax: number;
}

/**
 * Finds a shard's segments. One that was settled from a journal that is still there does not count: it is settled again.
 * In those that count, all was synced, so whatever does not hold is damage. One that the sidecar knows is not looked at: what
 * does not hold there is found by who reads it.
 * @param journals by number, the shards that each of those that are still there is to be settled for.
 */
export async function loadSegments(
  context: Context,
  shard: Shard,
  journals: ReadonlyMap<number, Set<Shard>>,
  damage: DamageLog,
): Promise<LoadedSegments> {
  const { disk, paths } = context;
  const directory = paths.shard(shard.number);
  const parts: Part[] = [];
  let lostPositionsMax = 0;
  const names = await disk.list(directory);
  // A sidecar that cannot be read is as good as lost.
  const knownOf = names.includes(shardSidecarName)
    ? await shard.sidecar.load(context).catch(() => undefined)
    : undefined;
  for (const name of names.toSorted()) {
    const parsed = parseSegmentName(name);
    if (parsed === undefined) continue;
    const { fileNumber, fileId } = parsed;
    const file: LogFile = { fileNumber, fileId, path: join(directory, name), isSegment: true, bytes: 0 };
    shard.segments.add(file);
    const journal = journals.get(parsed.journalNumber);
    if (journal !== undefined) {
      journal.add(shard); // its settling deletes this one first
      continue;
    }
    const known = knownOf?.(file);
    const { coveredBytes, state, index, bad } = known
      ? { ...known, bad: [] }
      : await scanSegment(disk, file, shard.number);
    file.bytes = coveredBytes;
    context.counters.segmentBytes += file.bytes;
    if (state !== undefined && state.number >= shard.stateNumber) {
      shard.stateNumber = state.number;
      shard.state = { ...state, file };
    }
    for (const { offset, end } of bad) {
      damage.add({ file: file.path, offset, bytes: end - offset, kind: "damaged", shard: shard.name });
      if (offset >= (index.ends.at(-1) ?? 0)) lostPositionsMax += Math.ceil((end - offset) / frameHeaderBytes);
    }
    if (index.runs > 0) parts.push(partOf(file, index));
    if (known === undefined && bad.length === 0 && file.bytes >= unindexedBytesMax)
      await writeIndexOf(context, shard, { file, index });
  }
  await removeFormerSidecars(context, directory, names);
  return { parts, lostPositionsMax };
}

/** By now the shard's sidecar knows those segments. */
async function removeFormerSidecars(context: Context, directory: string, names: readonly string[]): Promise<void> {
  for (const name of names.filter(isFormerSidecar)) {
    const path = join(directory, name);
    await context.disk.remove(path).catch((error: unknown) => {
      const cause = diskError(error, "remove").message;
      context.report({ level: "warn", message: "former segment index not removed", path, error: cause });
    });
  }
}
