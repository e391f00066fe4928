import type { ReadHandles } from "../files/log-file.js";
import type { DamageLog } from "./damage-log.js";
import { readShard } from "./read-shard.js";
import type { Shard } from "./shard.js";

/** Of a run's frames so many are looked at in one read. */
const scanLimits = { frames: 1024, bytes: 1024 * 1024 };

/** The position of the first frame that arrived at or after the time; the next position where there is none. */
export async function positionAtTime(
  shard: Shard,
  arrivalMs: number,
  handles: ReadHandles,
  damage: DamageLog,
): Promise<number> {
  const part = shard.parts.find((candidate) => candidate.index.lastArrivalMs >= arrivalMs);
  if (part === undefined) return shard.committed;
  const run = part.index.runBeforeArrival(arrivalMs);
  let position = Math.max(part.first, part.index.positions[run]!, shard.first);
  // A time that the run's first frame has reached is the usual case, and needs no read.
  if (part.index.arrivals[run]! >= arrivalMs) return position;
  for (;;) {
    const { frames, next } = await readShard(shard, position, scanLimits, handles, damage);
    const found = frames.find((frame) => frame.arrivalMs >= arrivalMs);
    if (found !== undefined) return found.position;
    if (frames.length === 0) return next;
    position = next;
  }
}
