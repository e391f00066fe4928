import type { DiskFile } from "../api.js";
import { LogError } from "../api.js";
import { readThrough } from "../files/read-through.js";
import { FileWindow } from "../files/file-window.js";
import { FrameKind } from "../format/frame.js";
import type { Context } from "../journal/context.js";
import { parseFrame } from "../shard/parse-frames.js";
import type { Part } from "../shard/part.js";
import type { Shard, StateLocation } from "../shard/shard.js";
import type { SealedJournal } from "./sealed-journal.js";
import { someAtOnce } from "../some-at-once.js";
import { SegmentWriter } from "./segment-writer.js";

/**
 * The journal is read from start to end, so much at a time. Each shard's share of it becomes one write: of 256 shards in a
 * window of 1 MiB, one for every 4 KiB, which cost more than all that puts do.
 */
const windowBytes = 16 * 1024 * 1024;
/** So many shards are copied in one pass, which reads all of the journal and keeps a file open for each. */
const shardsMax = 256;
/** So many segments are made or synced at a time; appends need the disk's threads, too. */
const segmentsAtOnce = 8;

/** Adjacent parts of one shard that go to one segment. */
interface Share {
  readonly shard: Shard;
  readonly parts: Part[];
  readonly state: StateLocation | undefined;
  writer: SegmentWriter | undefined;
  /** Where the copying stands. */
  part: number;
  run: number;
}

/**
 * Copies what is still wanted of a journal to its shards' segments: run by run as it is, checksums included, so that
 * damage is neither hidden nor made. When it resolves, readers find everything in the segments, synced.
 * @throws what the disk throws; the journal then still holds everything, and may be copied again.
 */
export async function copyJournal(context: Context, journal: SealedJournal, signal: AbortSignal): Promise<void> {
  const shards = [...journal.shards].filter((shard) => !shard.deleted);
  for (let from = 0; from < shards.length; from += shardsMax) {
    const shares = shards.slice(from, from + shardsMax).flatMap((shard) => sharesOf(shard, journal));
    try {
      await copyShares(context, journal, shares, signal);
      await someAtOnce(shares, segmentsAtOnce, async ({ shard, writer }) => {
        if (!shard.deleted) await writer?.sync();
      });
      for (const { shard, writer, parts, state } of shares) {
        if (shard.deleted) continue;
        if (writer === undefined) shard.replaceParts(shard.parts.indexOf(parts[0]!), parts.length, []);
        else writer.publish(parts, state);
      }
      for (const { shard, writer } of shares) if (!shard.deleted) await writer?.writeIndex();
    } finally {
      for (const { writer } of shares) await writer?.close();
    }
  }
}

/** A shard's parts in the journal, those that lie next to each other together; the state goes with the last. */
function sharesOf(shard: Shard, journal: SealedJournal): Share[] {
  const shares: Share[] = [];
  const state = shard.state?.file === journal.file ? shard.state : undefined;
  shard.parts.forEach((part, i) => {
    if (part.file !== journal.file) return;
    const last = shares.at(-1);
    if (last !== undefined && shard.parts[i - 1] === last.parts.at(-1)) last.parts.push(part);
    else shares.push({ shard, parts: [part], state: undefined, writer: undefined, part: 0, run: 0 });
  });
  if (state === undefined) return shares;
  const last = shares.pop() ?? { shard, parts: [], writer: undefined, part: 0, run: 0 };
  return [...shares, { ...last, state }];
}

async function copyShares(
  context: Context,
  journal: SealedJournal,
  shares: readonly Share[],
  signal: AbortSignal,
): Promise<void> {
  await someAtOnce(shares, segmentsAtOnce, async (share) => {
    share.run = firstRun(share);
    if (nextOffset(share) === undefined && share.state === undefined) return;
    share.writer = await SegmentWriter.create(context, share.shard, journal.file.fileNumber);
  });
  await context.handles.use(journal.file, async (file) => {
    const window = new FileWindow(file, journal.file.bytes, windowBytes);
    for (;;) {
      if (signal.aborted) throw new LogError("closed", "the log is closed");
      let from = Infinity;
      for (const share of shares) from = Math.min(from, nextOffset(share) ?? Infinity);
      if (from === Infinity) break;
      const length = longestRun(shares, from);
      await window.load(from, length);
      if (!window.has(from, length)) throw new LogError("disk-failed", `${journal.file.path} ends too early`);
      for (const share of shares) await copyWindow(share, window);
    }
    for (const share of shares) if (share.state !== undefined) await copyState(share, share.state, file);
  });
}

/** The first run that is not behind what the shard forgot. */
function firstRun({ shard, parts, part }: Share): number {
  const current = parts[part];
  return current === undefined ? 0 : current.index.runOf(Math.max(current.first, shard.trimmed));
}

/** Where the next run to be copied starts; undefined where there is none. Goes on to the next part as needed. */
function nextOffset(share: Share): number | undefined {
  for (; share.part < share.parts.length; share.part++, share.run = firstRun(share)) {
    const { index, next } = share.parts[share.part]!;
    const wanted = next > share.shard.trimmed && share.run < index.runs && index.positions[share.run]! < next;
    if (wanted) return index.offsets[share.run]!;
  }
  return undefined;
}

/** How many bytes the window must hold from here on so that at least one run is whole. */
function longestRun(shares: readonly Share[], from: number): number {
  for (const share of shares)
    if (nextOffset(share) === from) return share.parts[share.part]!.index.ends[share.run]! - from;
  return 0;
}

/** Copies the share's runs that lie in the window as a whole. */
async function copyWindow(share: Share, window: FileWindow): Promise<void> {
  const buffers: Uint8Array[] = [];
  const runs = [];
  for (let offset = nextOffset(share); offset !== undefined; offset = nextOffset(share)) {
    const part = share.parts[share.part]!;
    const { index } = part;
    const { run } = share;
    const end = index.ends[run]!;
    if (!window.has(offset, end - offset)) break;
    const bytes = window.bytes.subarray(window.at(offset), window.at(end));
    const position = index.positions[run]!;
    const next = index.positions[run + 1] ?? index.next;
    if (position >= part.first && next <= part.next) {
      const payloadBytes = (index.payloadsBefore[run + 1] ?? index.payloadBytes) - index.payloadsBefore[run]!;
      buffers.push(bytes);
      runs.push({ position, count: next - position, arrivalMs: index.arrivals[run]!, payloadBytes });
    } else {
      // Frames beyond the part's bounds were replaced by others: they must not come back.
      for (const frame of framesWithin(bytes, share.shard.number, part.first, part.next)) {
        buffers.push(frame.bytes);
        runs.push(frame);
      }
    }
    share.run++;
  }
  if (buffers.length === 0) return;
  await share.writer!.write(buffers, runs);
}

function* framesWithin(bytes: Buffer, shard: number, first: number, next: number) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length;) {
    const found = parseFrame(view, bytes, at, shard, () => true);
    if (found.is === "cut") return;
    if (found.is === "frame" && found.header.kind === FrameKind.record) {
      const { position, arrivalMs, payloadBytes } = found.header;
      if (position >= first && position < next)
        yield { bytes: bytes.subarray(at, found.end), position, count: 1, arrivalMs, payloadBytes };
    }
    at = found.end;
  }
}

async function copyState({ writer }: Share, state: StateLocation, file: DiskFile): Promise<void> {
  const frame = Buffer.allocUnsafe(state.bytes);
  if ((await readThrough(file, frame, state.offset)) < frame.length)
    throw new LogError("disk-failed", `${state.file.path} ends within a state`);
  await writer!.writeState(frame, state);
}
