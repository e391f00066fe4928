import type { Log } from "@headwater/log";
import { crc32 } from "node:zlib";
import { type Fragment, isBackfillTag, type PublishedFragment } from "./fragment.js";
import { decodeIndexEntry } from "./index-entry.js";
import { decodeMediaRecord, type FragmentBegin, type FragmentEnd } from "./media-record.js";

/** What is read of a shard in one go. */
const PAGE = { frames: 4096, bytes: 4 << 20 };

export interface Recovered {
  readonly published: readonly PublishedFragment[];
  /** Complete in the media shard, but without an entry: a crash came between the two syncs. In the order of their ends. */
  readonly unpublished: readonly Fragment[];
  /** Fragments that never became complete. */
  readonly incomplete: number;
}

/**
 * Reads what a stream has on disk: the index whole, of the media only what the last entry does not account for.
 * @throws {LogError} `disk-failed`. @throws {RangeError} where a record is of a later version.
 */
export async function recoverFragments(log: Log, shards: { media: string; index: string }): Promise<Recovered> {
  const published: PublishedFragment[] = [];
  let scanFrom = log.bounds(shards.media).first;
  for await (const { position, data } of readAll(log, shards.index, 0)) {
    const entry = decodeIndexEntry(data);
    published.push({ ...entry.fragment, ordinal: position });
    scanFrom = Math.max(scanFrom, entry.scanFrom);
  }
  const known = new Set(published.map(({ id }) => id));
  const begun = new Map<bigint, Begun>();
  const unpublished: Fragment[] = [];
  for await (const { position, data } of readAll(log, shards.media, scanFrom)) {
    const record = decodeMediaRecord(data);
    const { id } = record;
    if (known.has(id)) continue;
    if (record.kind === "begin") {
      begun.set(id, {
        begin: position,
        ...record.begin,
        initCrc: crc32(record.begin.init),
        frames: 0,
        isBackfill: false,
      });
      continue;
    }
    const start = begun.get(id);
    if (start === undefined) continue; // its beginning is damaged, trimmed or of an earlier incomplete one
    if (record.kind === "frame") start.frames += 1;
    if (record.kind === "tag") start.isBackfill ||= isBackfillTag(record.tag);
    if (record.kind !== "end") continue;
    begun.delete(id);
    // Fewer frames than it had: some are damaged.
    if (start.frames === record.end.frames) unpublished.push(toFragment(id, start, record.end, position));
  }
  return { published, unpublished, incomplete: begun.size };
}

interface Begun extends Omit<FragmentBegin, "init"> {
  readonly begin: number;
  readonly initCrc: number;
  frames: number;
  isBackfill: boolean;
}

function toFragment(
  id: bigint,
  { begin, producerMs, serverMs, initCrc, isBackfill }: Begun,
  end: FragmentEnd,
  at: number,
): Fragment {
  return { id, begin, end: at + 1, producerMs, serverMs, initCrc, isBackfill, ...end };
}

async function* readAll(
  log: Log,
  shard: string,
  from: number,
): AsyncGenerator<{ position: number; data: Buffer }, void, undefined> {
  const { next: end } = log.bounds(shard);
  for (let position = from; position < end;) {
    const { frames, next } = await log.read(shard, position, PAGE);
    yield* frames;
    if (next <= position) return;
    position = next;
  }
}
