import { basename, join } from "node:path";
import { LogError } from "../api.js";
import { diskError } from "../files/disk-error.js";
import { copyStretch } from "../files/copy-stretch.js";
import { journalIndexPath, journalOfIndex, parseJournalName } from "../files/paths.js";
import { fileIdHex } from "../format/file-header.js";
import { FrameKind, frameHeaderBytes } from "../format/frame.js";
import type { Context } from "../journal/context.js";
import { readJournalIndex } from "../journal-index/read-journal-index.js";
import type { SealedJournal } from "../settle/sealed-journal.js";
import type { DamageLog } from "../shard/damage-log.js";
import { FrameIndex } from "../shard/frame-index.js";
import type { Part } from "../shard/part.js";
import { partOf } from "../shard/part.js";
import { Shard } from "../shard/shard.js";
import type { ShardTableContent } from "../shard/shard-table.js";
import { loadSegments } from "./load-segments.js";
import { mergeParts } from "./merge-parts.js";
import { Quarantine } from "./quarantine.js";
import { type ScannedJournal, scanJournal } from "./scan-journal.js";
import { addFrame, stateOf, type Stretch } from "./scanned-frame.js";
import { someAtOnce } from "../some-at-once.js";

/** So many journals' tails are written again at a time. */
const journalsAtOnce = 4;
/** Of so many shards the segments are loaded at a time: small files, which the disk reads side by side. */
const shardsAtOnce = 64;

export interface Recovered {
  readonly shards: readonly Shard[];
  readonly nextShardNumber: number;
  readonly fileNumberMax: number;
  /** Left over, oldest first: to be settled. */
  readonly journals: readonly SealedJournal[];
}

/** Makes out what the log holds after whatever happened to it. docs/design/log.md, "Recovery". */
export async function recover(context: Context, table: ShardTableContent, damage: DamageLog): Promise<Recovered> {
  const journals = await scanJournals(context);
  await assertTable(context, table, journals);
  const shards = table.rows.map((row) => {
    const shard = new Shard(row.name, row.number);
    shard.trimmed = row.trimmed;
    shard.committed = row.nextMin;
    return shard;
  });
  const byNumber = new Map(shards.map((shard) => [shard.number, shard]));
  await removeDeleted(context, byNumber);

  const inJournals = new Map<number, Part[]>(shards.map(({ number }) => [number, []]));
  const left: SealedJournal[] = [];
  const holders = new Map<number, Set<Shard>>();
  for (const journal of journals) {
    const shardsOfJournal = new Set<Shard>();
    holders.set(journal.file.fileNumber, shardsOfJournal);
    const clean = await takeJournal(context, journal, byNumber, inJournals, shardsOfJournal, damage);
    left.push({ file: journal.file, shards: shardsOfJournal, clean, left: true });
  }

  const lost = journals.flatMap(({ file, damaged }) => {
    const positions = lostPositions(damaged);
    return positions === 0 ? [] : { positions, holders: holders.get(file.fileNumber) };
  });
  let fileNumberMax = Math.max(0, ...journals.map(({ file }) => file.fileNumber));
  const load = async (shard: Shard) => {
    const { parts, lostPositionsMax } = await loadSegments(context, shard, holders, damage);
    for (const { fileNumber } of shard.segments) fileNumberMax = Math.max(fileNumberMax, fileNumber);
    shard.replaceParts(0, 0, mergeParts(parts, inJournals.get(shard.number) ?? []));
    const last = shard.parts.at(-1);
    shard.committed = Math.max(shard.committed, shard.trimmed, last?.next ?? 0, shard.state?.position ?? 0);
    // Nobody else may get the positions of what is lost. Any shard may have had some in a journal that now holds nothing of it.
    shard.committed += lostPositionsMax;
    for (const { positions, holders: known } of lost) if (known?.has(shard) !== true) shard.committed += positions;
    shard.next = shard.committed;
    shard.arrivalMs = last?.index.lastArrivalMs ?? 0;
  };
  // Side by side: the one waits for the disk, the other takes CPU time.
  const tasks = [
    () => someAtOnce(journals, journalsAtOnce, (journal) => writeAgain(context, journal)),
    () => someAtOnce(shards, shardsAtOnce, load),
  ];
  await someAtOnce(tasks, tasks.length, (task) => task());
  // A number that the table does not know of may be that of a shard whose making was cut short.
  const numbers = journals.flatMap(({ nextSeen, states, doubtful }) => [
    ...nextSeen.keys(),
    ...states.keys(),
    ...doubtful.map(({ header }) => header.shard),
  ]);
  let nextShardNumber = table.nextNumber;
  for (const number of numbers) nextShardNumber = Math.max(nextShardNumber, number + 1);
  return { shards, nextShardNumber, fileNumberMax, journals: left };
}

/** The table is there before the first shard's bytes: without it nobody could say whose they are, and they would go. */
async function assertTable(
  { disk, paths }: Context,
  table: ShardTableContent,
  journals: readonly ScannedJournal[],
): Promise<void> {
  if (table.nextNumber > 0) return;
  const isNew = journals.length === 0 && (await disk.list(paths.shards)).length === 0;
  if (!isNew) throw new LogError("disk-failed", `${paths.shardTables.join(" and ")} are missing`);
}

/** Reads the journals that were left, the newest first, since each says what counts of the one before. */
async function scanJournals(context: Context): Promise<ScannedJournal[]> {
  const { disk, paths } = context;
  const all = new Set(await disk.list(paths.journals));
  const names = [...all].filter((name) => parseJournalName(name) !== undefined).toSorted();
  // A crash may have come between the end of a journal and that of its sidecar.
  for (const name of all) {
    const indexed = journalOfIndex(name);
    if (indexed !== undefined && !all.has(indexed))
      await disk.remove(join(paths.journals, name)).catch((error: unknown) => {
        // It says nothing of any journal to come.
        const cause = diskError(error, "remove").message;
        context.report({ level: "warn", message: "journal index not removed", path: name, error: cause });
      });
  }
  const sealed = new Map<string, number>();
  const scanned: ScannedJournal[] = [];
  for (const name of names.toReversed()) {
    const path = join(paths.journals, name);
    const journal = await scanJournal(
      disk,
      path,
      parseJournalName(name)!,
      (id) => sealed.get(fileIdHex(id)),
      async (id, bytes) => {
        const index = journalIndexPath(path);
        return all.has(basename(index)) ? readJournalIndex(disk, index, id, bytes) : undefined;
      },
    );
    if (journal.linksHold) for (const link of journal.links) sealed.set(fileIdHex(link.fileId), link.sealedBytes);
    scanned.push(journal);
  }
  return scanned.toReversed();
}

/** How many positions frames may have had whose headers are lost. */
function lostPositions(damaged: ScannedJournal["damaged"]): number {
  let positions = 0;
  for (const { offset, end, shard } of damaged)
    if (shard === undefined) positions += Math.ceil((end - offset) / frameHeaderBytes);
  return positions;
}

/** Gives the shards what a journal holds of them, and puts aside what does not hold. Answers whether all of it does. */
async function takeJournal(
  context: Context,
  journal: ScannedJournal,
  shards: ReadonlyMap<number, Shard>,
  parts: ReadonlyMap<number, Part[]>,
  holders: Set<Shard>,
  damage: DamageLog,
): Promise<boolean> {
  const { file, doubtful, damaged, torn } = journal;
  const indexes = new Map(journal.indexes);
  for (const frame of doubtful) {
    file.bytes = frame.end;
    if (frame.header.kind !== FrameKind.record) continue;
    let index = indexes.get(frame.header.shard);
    if (index === undefined) indexes.set(frame.header.shard, (index = new FrameIndex()));
    addFrame(index, frame);
  }
  for (const [number, index] of indexes) {
    const shard = shards.get(number);
    if (shard === undefined) continue;
    holders.add(shard);
    parts.get(number)!.push(partOf(file, index));
  }
  const tailStates = doubtful.filter(({ header }) => header.kind === FrameKind.state).map(stateOf);
  for (const { shard: shardNumber, number, position, offset, end } of [...journal.states.values(), ...tailStates]) {
    const shard = shards.get(shardNumber);
    if (shard === undefined || number < shard.stateNumber) continue;
    holders.add(shard);
    shard.stateNumber = number;
    shard.state = { file, offset, bytes: end - offset, position, number };
  }
  for (const [number, next] of journal.nextSeen) {
    const shard = shards.get(number);
    if (shard !== undefined) shard.committed = Math.max(shard.committed, next);
  }
  const quarantine = new Quarantine(context);
  for (const { offset, end, shard: number } of damaged) {
    const shard = number === undefined ? undefined : shards.get(number);
    const aside = await quarantine.keep(file, offset, end - offset);
    const where = { file: file.path, offset, bytes: end - offset, ...(aside && { quarantine: aside }) };
    damage.add({ ...where, kind: "damaged", ...(shard && { shard: shard.name }) });
    // Where a header is lost, so is the position that it gave: at most so many, and nobody else may get them.
    if (number === undefined)
      for (const holder of holders) {
        if ((indexes.get(holder.number)?.ends.at(-1) ?? 0) > offset) continue;
        const seen = Math.max(indexes.get(holder.number)?.next ?? 0, journal.nextSeen.get(holder.number) ?? 0);
        holder.committed = Math.max(holder.committed, seen + lostPositions([{ offset, end }]));
      }
  }
  for (const { offset, end } of joined(torn)) {
    const aside = await quarantine.keep(file, offset, end - offset);
    const where = { file: file.path, offset, bytes: end - offset, ...(aside && { quarantine: aside }) };
    damage.add({ ...where, kind: "torn" });
  }
  return !journal.hasTail && doubtful.length === 0 && damaged.length === 0 && torn.length === 0;
}

/**
 * What was read may lie in the page cache only: it must be on disk before anyone is served it. A sync alone does not
 * do: where one failed before, the kernel takes the pages for clean, and the next one writes nothing.
 */
async function writeAgain({ disk }: Context, { file: { path }, doubtfulBytes }: ScannedJournal): Promise<void> {
  if (doubtfulBytes.length === 0) return;
  const read = await disk.open(path, "read");
  const written = await disk.open(path, "write");
  try {
    for (const { offset, end } of joined(doubtfulBytes)) await copyStretch(read, offset, end - offset, written, offset);
    await written.sync();
  } finally {
    await written.close();
    await read.close();
  }
}

/** A crash may have come between the deletion of a shard and that of its files. */
async function removeDeleted(context: Context, shards: ReadonlyMap<number, Shard>): Promise<void> {
  const { disk, paths } = context;
  for (const name of await disk.list(paths.shards))
    if (/^\d+$/.test(name) && !shards.has(Number(name))) await disk.remove(paths.shard(Number(name)));
}

/** Stretches that touch count as one. */
function joined(stretches: readonly Stretch[]): Stretch[] {
  const joint: Stretch[] = [];
  for (const { offset, end } of stretches) {
    if (joint.at(-1)?.end === offset) joint.push({ offset: joint.pop()!.offset, end });
    else joint.push({ offset, end });
  }
  return joint;
}
