import { FrameKind } from "../format/frame.js";
import type { ScannedFrame, Stretch } from "./scanned-frame.js";

/**
 * Of a batch that is not whole, each shard keeps its frames up to the first that is missing. One behind a hole is not
 * kept: its owner would send the missing one again, and find it overtaken.
 */
export function keepPrefixes(frames: readonly ScannedFrame[]): { kept: ScannedFrame[]; torn: Stretch[] } {
  const kept: ScannedFrame[] = [];
  const torn: Stretch[] = [];
  const counts = new Map<number, number>();
  for (const frame of frames) {
    const { shard, ordinal, kind } = frame.header;
    const count = counts.get(shard) ?? 0;
    if (ordinal === count) {
      kept.push(frame);
      if (kind === FrameKind.record) counts.set(shard, count + 1);
    } else {
      torn.push({ offset: frame.offset, end: frame.end, shard });
    }
  }
  return { kept, torn };
}
