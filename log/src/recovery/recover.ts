import { join } from "node:path";
import { fileIdHex } from "../format/file-header.js";
import { FrameKind } from "../format/frame.js";
import type { Context } from "../journal/context.js";
import type { DamageLog } from "../shard/damage-log.js";
import { FrameIndex } from "../shard/frame-index.js";
import type { Part } from "../shard/part.js";
import { partOf } from "../shard/part.js";
import { Shard } from "../shard/shard.js";
import type { ShardTableContent } from "../shard/shard-table.js";
import { mergeParts } from "./merge-parts.js";
import type { ScannedJournal } from "./scan-journal.js";
import { addFrame, scanJournal } from "./scan-journal.js";

export interface Recovered {
  readonly shards: readonly Shard[];
  readonly nextShardNumber: number;
  readonly fileNumberMax: number;
}

/** Makes out what the log holds after whatever happened to it. docs/design/log.md, "Recovery". */
export async function recover(context: Context, table: ShardTableContent, damage: DamageLog): Promise<Recovered> {
  const journals = await scanJournals(context);
  const shards = table.rows.map((row) => {
    const shard = new Shard(row.name, row.number);
    shard.trimmed = row.trimmed;
    shard.committed = row.nextMin;
    return shard;
  });
  const byNumber = new Map(shards.map((shard) => [shard.number, shard]));
  const parts = new Map<number, Part[]>(shards.map(({ number }) => [number, []]));

  for (const journal of journals) {
    const indexes = new Map(journal.indexes);
    if (journal.doubtful.length > 0) await syncFile(context, journal.file.path);
    for (const frame of journal.doubtful) {
      const { shard, kind } = frame.header;
      if (kind !== FrameKind.record) continue;
      let index = indexes.get(shard);
      if (index === undefined) indexes.set(shard, (index = new FrameIndex()));
      addFrame(index, frame);
      journal.file.bytes = frame.end;
    }
    for (const [number, index] of indexes) parts.get(number)?.push(partOf(journal.file, index));
    const states = [
      ...journal.states.values(),
      ...journal.doubtful.filter(({ header }) => header.kind === FrameKind.state),
    ];
    for (const { header, stateNumber, offset, end } of states) {
      const shard = byNumber.get(header.shard);
      if (shard === undefined || stateNumber < shard.stateNumber) continue;
      shard.stateNumber = stateNumber;
      shard.state = { file: journal.file, offset, bytes: end - offset, position: header.position, number: stateNumber };
    }
    for (const [number, next] of journal.nextSeen) {
      const shard = byNumber.get(number);
      if (shard !== undefined) shard.committed = Math.max(shard.committed, next);
    }
    for (const { offset, end, shard } of journal.damaged) {
      const name = shard === undefined ? undefined : byNumber.get(shard)?.name;
      damage.add({
        file: journal.file.path,
        offset,
        bytes: end - offset,
        kind: "damaged",
        ...(name && { shard: name }),
      });
    }
    for (const { offset, end } of journal.torn)
      damage.add({ file: journal.file.path, offset, bytes: end - offset, kind: "torn" });
  }

  for (const shard of shards) {
    shard.parts.push(...mergeParts([], parts.get(shard.number) ?? []));
    const last = shard.parts.at(-1);
    shard.committed = Math.max(shard.committed, shard.trimmed, last?.next ?? 0, shard.state?.position ?? 0);
    shard.next = shard.committed;
    shard.arrivalMs = last?.index.lastArrivalMs ?? 0;
  }
  return {
    shards,
    nextShardNumber: table.nextNumber,
    fileNumberMax: Math.max(0, ...journals.map((journal) => journal.file.fileNumber)),
  };
}

/** Reads the journals that were left, the newest first, since each says what counts of the one before. */
async function scanJournals(context: Context): Promise<ScannedJournal[]> {
  const { disk, paths } = context;
  const names = (await disk.list(paths.journals)).filter((name) => /^\d{10}\.journal$/.test(name)).toSorted();
  const sealed = new Map<string, number>();
  const scanned: ScannedJournal[] = [];
  for (const name of names.toReversed()) {
    const number = Number(name.slice(0, 10));
    const journal = await scanJournal(disk, join(paths.journals, name), number, (id) => sealed.get(fileIdHex(id)));
    if (journal.linksHold) for (const link of journal.links) sealed.set(fileIdHex(link.fileId), link.sealedBytes);
    scanned.push(journal);
  }
  return scanned.toReversed();
}

/** What was read may lie in the page cache only: it must be on disk before anyone is served it. */
async function syncFile(context: Context, path: string): Promise<void> {
  const file = await context.disk.open(path, "write");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
