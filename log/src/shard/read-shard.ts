import type { FramePage, ReadLimits, ReadMemory } from "../api.js";
import { frameHeaderBytes } from "../format/frame.js";
import type { ReadHandles } from "../files/log-file.js";
import type { DamageLog } from "./damage-log.js";
import { findStrangers } from "./find-strangers.js";
import { PageReading } from "./page-reading.js";
import type { Part } from "./part.js";
import type { Shard } from "./shard.js";
import { SpanReader } from "./span-reader.js";
import { walkFrames } from "./walk-frames.js";

/** Most bytes that one disk read asks for, unless a single frame is longer. */
const spanBytesMax = 1024 * 1024;
/** Runs that lie apart by at most this are read in one go. */
const gapBytesMax = 16 * 1024;

/** What a read needs beside its shard. */
export interface ReadContext {
  readonly handles: ReadHandles;
  readonly damage: DamageLog;
  readonly memory: ReadMemory;
}

/** Memory that goes to the collector with whoever holds it last. */
export const freshMemory: ReadMemory = { take: (bytes) => Buffer.allocUnsafeSlow(bytes) };

/** Reads committed frames of a shard, from whatever files hold them. See {@link Log.readPage}. */
export async function readShard(
  shard: Shard,
  position: number,
  limits: ReadLimits,
  context: ReadContext,
): Promise<FramePage> {
  const reading = new PageReading(limits, Math.max(position, shard.first));
  while (!reading.isFull && !shard.deleted) {
    reading.next = Math.max(reading.next, shard.first);
    const part = shard.partAt(reading.next);
    if (part === undefined) {
      reading.next = Math.max(position, reading.next, shard.committed);
      break;
    }
    reading.next = Math.max(reading.next, part.first);
    const stop = part.next; // the part may grow meanwhile
    try {
      await readPart(shard, part, stop, reading, context);
    } catch (error) {
      // Settled, trimmed or deleted meanwhile, and its file is gone: what is wanted is elsewhere, or nowhere.
      if (!shard.deleted && shard.parts.includes(part)) throw error;
    }
  }
  return reading.page();
}

/** Reads from the part until a limit is reached or the part is behind. Advances at least past one run. */
async function readPart(
  shard: Shard,
  part: Part,
  stop: number,
  reading: PageReading,
  { handles, damage, memory }: ReadContext,
): Promise<void> {
  const { index } = part;
  const spans = new SpanReader(part, handles, memory);
  let run = index.runOf(reading.next);
  while (run < index.runs && index.positions[run]! < stop && !reading.isFull && !shard.deleted) {
    const last = lastRunOfSpan(part, run, stop, reading);
    const { buffer, starts, end } = await spans.read(run, last);
    const first = run;
    while (run <= last && !reading.isFull) {
      const from = starts[run - first]!;
      const position = index.positions[run]!;
      const low = Math.max(reading.next, position);
      const framesBefore = reading.frames;
      // Of the file, to which damage is told.
      const shift = index.offsets[run]! - from;
      run = afterAdjacent(part, run, last);
      const onDamage = (damagedFrom: number, damagedEnd: number): void =>
        damage.add({
          file: part.file.path,
          offset: shift + damagedFrom,
          bytes: damagedEnd - damagedFrom,
          kind: "damaged",
          shard: shard.name,
        });
      // The last run may have grown since, beyond what was read and beyond `stop`.
      const runsEnd = Math.min(index.ends[run - 1]! - shift, end);
      const stretch = { buffer, from, end: runsEnd, shard: shard.number, stop };
      walkFrames(stretch, reading, onDamage);
      if (!reading.isFull) reading.next = Math.max(reading.next, Math.min(index.positions[run] ?? stop, stop));
      // Runs have no gaps, but for what a start found damaged.
      if (reading.frames - framesBefore < reading.next - low) findStrangers(stretch, position, onDamage);
    }
  }
  if (!reading.isFull) reading.next = Math.max(reading.next, stop);
}

/** The first run behind those that lie one after the other without a gap. */
function afterAdjacent({ index }: Part, first: number, last: number): number {
  let run = first + 1;
  while (run <= last && index.offsets[run] === index.ends[run - 1]) run++;
  return run;
}

/** How many runs to read at once: near each other, and no more than the limits ask for. */
function lastRunOfSpan(part: Part, first: number, stop: number, reading: PageReading): number {
  const { index } = part;
  const start = index.offsets[first]!;
  // A frame takes its header too; the first run may hold frames from before the position.
  const wanted = Math.min(spanBytesMax, reading.bytesLeft + reading.framesLeft * frameHeaderBytes);
  let last = first;
  while (last + 1 < index.runs && index.positions[last + 1]! < stop) {
    if (index.ends[last + 1]! - start > Math.max(wanted, 2 * 64 * 1024)) break;
    if (index.offsets[last + 1]! - index.ends[last]! > gapBytesMax) break;
    if (index.positions[last + 1]! - reading.next >= reading.framesLeft) break;
    last++;
  }
  return last;
}
