import { basename, join } from "node:path";
import { diskError } from "../files/disk-error.js";
import type { LogFile } from "../files/log-file.js";
import type { Context } from "../journal/context.js";
import { readSegmentIndex, segmentIndexPath } from "../settle/segment-index.js";
import { writeIndexOf } from "../settle/segment-writer.js";
import type { DamageLog } from "../shard/damage-log.js";
import type { Part } from "../shard/part.js";
import { partOf } from "../shard/part.js";
import type { Shard } from "../shard/shard.js";
import { frameHeaderBytes } from "../format/frame.js";
import type { BadStretch } from "./scan-segment.js";
import { scanSegment } from "./scan-segment.js";

/** A segment that had to be scanned for more than this gets a new sidecar. */
const unindexedBytesMax = 1024 * 1024;
const segmentName = /^(\d{10})-([0-9a-f]{8})([0-9a-f]{8})\.segment$/;

interface BadSegmentStretch extends BadStretch {
  readonly file: LogFile;
  readonly wasJournal: boolean;
}

/** What a shard's segments hold, before it is told apart from what the journals hold. */
export interface LoadedSegments {
  readonly parts: readonly Part[];
  readonly bad: readonly BadSegmentStretch[];
}

/** Finds a shard's segments, and its newest state in them. */
export async function loadSegments(context: Context, shard: Shard): Promise<LoadedSegments> {
  const { disk, paths } = context;
  const directory = paths.shard(shard.number);
  const parts: Part[] = [];
  const bad: BadSegmentStretch[] = [];
  const names = await disk.list(directory);
  for (const name of names.toSorted()) {
    const [, fileNumber, high, low] = segmentName.exec(name) ?? [];
    if (fileNumber === undefined || high === undefined || low === undefined) continue;
    const path = join(directory, name);
    const indexPath = segmentIndexPath(path);
    const indexed = names.includes(basename(indexPath));
    const known = indexed ? await readSegmentIndex(disk, high + low, indexPath) : undefined;
    const scanned = await scanSegment(disk, path, shard.number, known);
    const file: LogFile = {
      fileId: { low: parseInt(low, 16), high: parseInt(high, 16) },
      fileNumber: Number(fileNumber),
      path,
      isSegment: true,
      ended: scanned.bad.length > 0,
      bytes: scanned.coveredBytes,
    };
    shard.segments.add(file);
    for (const stretch of scanned.bad) bad.push({ ...stretch, file, wasJournal: scanned.wasJournal });
    const { state } = scanned;
    // A journal that is still there counts more than what was settled from it.
    const same = shard.state?.file.isSegment ? 0 : 1;
    if (state !== undefined && state.number >= shard.stateNumber + same) {
      shard.stateNumber = state.number;
      shard.state = { ...state, file };
    }
    if (scanned.index.runs === 0) continue;
    const part = partOf(file, scanned.index);
    parts.push(part);
    if (scanned.bad.length > 0 || scanned.scannedBytes < unindexedBytesMax) continue;
    await writeIndexOf(context, shard, part).catch((error: unknown) => {
      const cause = diskError(error, "index").message;
      context.report({ level: "warn", message: "segment index not written", path, error: cause });
    });
  }
  return { parts, bad };
}

/**
 * Reports what of a shard's bad stretches costs anything, now that all of the shard's parts are known: not what was
 * trimmed, nor what an interrupted settling left and another file holds as well.
 * @param isUnsettled a journal that is still there holds something of the shard.
 */
export function reportBadSegments(
  shard: Shard,
  bad: LoadedSegments["bad"],
  isUnsettled: boolean,
  damage: DamageLog,
): void {
  for (const stretch of bad) {
    const { file, offset, end, after, before } = stretch;
    if (after !== undefined && after < shard.trimmed) continue;
    if (isLeftOfSettling(shard, stretch, isUnsettled)) continue;
    damage.add({ file: file.path, offset, bytes: end - offset, kind: "damaged", shard: shard.name });
    // The frames that were here had positions too, at most so many, and nobody else may get these.
    const from = after ?? shard.trimmed;
    shard.committed = Math.max(shard.committed, before ?? from + Math.ceil((end - offset) / frameHeaderBytes));
  }
}

function isLeftOfSettling(shard: Shard, stretch: BadSegmentStretch, isUnsettled: boolean): boolean {
  const { file, after, before, wasJournal } = stretch;
  if (wasJournal) return false;
  if (after === undefined) return isUnsettled && !shard.parts.some((part) => part.file === file);
  if (before !== undefined) return after < before && othersHold(shard, file, after, before);
  const known = Math.max(shard.trimmed, shard.parts.at(-1)?.next ?? 0, shard.state?.position ?? 0);
  return othersHold(shard, file, after, after + 1) || (isUnsettled && after >= known);
}

/** Whether other files than this one hold all positions from one up to another. */
function othersHold({ parts }: Shard, file: LogFile, from: number, to: number): boolean {
  let position = from;
  for (const part of parts) if (part.file !== file && part.first <= position) position = Math.max(position, part.next);
  return position >= to;
}
