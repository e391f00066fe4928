import type { FramePage } from "../api.js";
import type { ReadContext } from "./read-shard.js";
import { readShard } from "./read-shard.js";
import type { Shard } from "./shard.js";

/** Of a run's frames so many are looked at in one read. */
const scanLimits = { frames: 1024, bytes: 1024 * 1024 };

/** The position of the first frame that arrived at or after the time; the next position where there is none. */
export async function positionAtTime(shard: Shard, arrivalMs: number, context: ReadContext): Promise<number> {
  const part = shard.parts.find((candidate) => candidate.index.lastArrivalMs >= arrivalMs);
  if (part === undefined) return shard.committed;
  const run = part.index.runBeforeArrival(arrivalMs);
  let position = Math.max(part.first, part.index.positions[run]!, shard.first);
  // A time that the run's first frame has reached is the usual case, and needs no read.
  if (part.index.arrivals[run]! >= arrivalMs) return position;
  for (;;) {
    const page = await readShard(shard, position, scanLimits, context);
    const found = firstArrived(page, arrivalMs);
    if (found !== undefined) return found;
    if (page.frames === 0) return page.next;
    position = page.next;
  }
}

function firstArrived({ pieces }: FramePage, arrivalMs: number): number | undefined {
  for (const piece of pieces) {
    for (let i = 0; i < piece.frames; i++) if (piece.arrivalMs(i) >= arrivalMs) return piece.position(i);
  }
  return undefined;
}
