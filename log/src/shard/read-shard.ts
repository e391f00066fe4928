import type { ReadLimits, ReadResult, StoredFrame } from "../api.js";
import { FrameKind, frameHeaderBytes } from "../format/frame.js";
import type { ReadHandles } from "../files/log-file.js";
import type { DamageLog } from "./damage-log.js";
import { parseFrame, storedFrame } from "./parse-frames.js";
import type { Part } from "./part.js";
import type { Shard } from "./shard.js";

/** Most bytes that one disk read asks for, unless a single frame is longer. */
const spanBytesMax = 1024 * 1024;
/** Runs that lie apart by at most this are read in one go. */
const gapBytesMax = 16 * 1024;

interface Reading {
  readonly frames: StoredFrame[];
  bytes: number;
  next: number;
}

/** Reads committed frames of a shard, from whatever files hold them. See {@link Log.read}. */
export async function readShard(
  shard: Shard,
  position: number,
  limits: ReadLimits,
  handles: ReadHandles,
  damage: DamageLog,
): Promise<ReadResult> {
  const reading: Reading = { frames: [], bytes: 0, next: Math.max(position, shard.first) };
  while (!isFull(reading, limits) && !shard.deleted) {
    reading.next = Math.max(reading.next, shard.first);
    const part = shard.partAt(reading.next);
    if (part === undefined) {
      reading.next = Math.max(position, reading.next, shard.committed);
      break;
    }
    reading.next = Math.max(reading.next, part.first);
    const stop = part.next; // the part may grow meanwhile
    try {
      await readPart(shard, part, stop, reading, limits, handles, damage);
    } catch (error) {
      // Settled or trimmed meanwhile, and its file is gone: what is wanted is elsewhere, or nowhere.
      if (shard.parts.includes(part)) throw error;
    }
  }
  return { frames: reading.frames, next: reading.next };
}

function isFull(reading: Reading, limits: ReadLimits): boolean {
  return reading.frames.length > 0 && (reading.frames.length >= limits.frames || reading.bytes >= limits.bytes);
}

/** Reads from the part until a limit is reached or the part is behind. Advances at least past one run. */
async function readPart(
  shard: Shard,
  part: Part,
  stop: number,
  reading: Reading,
  limits: ReadLimits,
  handles: ReadHandles,
  damage: DamageLog,
): Promise<void> {
  const { index } = part;
  let run = index.runOf(reading.next);
  while (run < index.runs && index.positions[run]! < stop && !isFull(reading, limits)) {
    const last = lastRunOfSpan(part, run, stop, reading, limits);
    const offset = index.offsets[run]!;
    const buffer = Buffer.allocUnsafeSlow(index.ends[last]! - offset);
    await handles.read(part.file, buffer, offset);
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    for (; run <= last && !isFull(reading, limits); run++) {
      // The run may have grown since, beyond what was read and beyond `stop`.
      const end = Math.min(index.ends[run]! - offset, buffer.length);
      const bytes = buffer.subarray(0, end);
      for (let at = index.offsets[run]! - offset; at < end;) {
        const low = reading.next;
        const found = parseFrame(view, bytes, at, shard.number, (h) => h.shard === shard.number && h.position >= low);
        const isRecord = found.is === "frame" && found.header.kind === FrameKind.record;
        if (isRecord && found.header.position >= reading.next && found.header.position < stop) {
          if (isFull(reading, limits)) return;
          if (reading.frames.length > 0 && reading.bytes + found.header.payloadBytes > limits.bytes) {
            reading.bytes = limits.bytes;
            return;
          }
          reading.frames.push(storedFrame(view, buffer, at, found.header));
          reading.bytes += found.header.payloadBytes;
          reading.next = found.header.position + 1;
        } else if (found.is === "damage" || found.is === "cut") {
          const damagedEnd = found.is === "damage" ? found.end : end;
          damage.add({
            file: part.file.path,
            offset: offset + at,
            bytes: damagedEnd - at,
            kind: "damaged",
            shard: shard.name,
          });
        }
        at = found.is === "cut" ? end : found.end;
      }
      const nextRun = index.positions[run + 1] ?? stop;
      if (!isFull(reading, limits)) reading.next = Math.max(reading.next, Math.min(nextRun, stop));
    }
  }
  if (!isFull(reading, limits)) reading.next = Math.max(reading.next, stop);
}

/** How many runs to read at once: near each other, and no more than the limits ask for. */
function lastRunOfSpan(part: Part, first: number, stop: number, reading: Reading, limits: ReadLimits): number {
  const { index } = part;
  const start = index.offsets[first]!;
  // A frame takes its header too; the first run may hold frames from before the position.
  const wanted = Math.min(
    spanBytesMax,
    limits.bytes - reading.bytes + (limits.frames - reading.frames.length) * frameHeaderBytes,
  );
  let last = first;
  while (last + 1 < index.runs && index.positions[last + 1]! < stop) {
    if (index.ends[last + 1]! - start > Math.max(wanted, 2 * 64 * 1024)) break;
    if (index.offsets[last + 1]! - index.ends[last]! > gapBytesMax) break;
    if (index.positions[last + 1]! - reading.next >= limits.frames - reading.frames.length) break;
    last++;
  }
  return last;
}
