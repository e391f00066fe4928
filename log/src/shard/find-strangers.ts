import { FrameKind } from "../format/frame.js";
import { parseFrame } from "./parse-frames.js";
import type { Stretch } from "./walk-frames.js";

/**
 * Finds intact frames where only those of the shard lie, from a position on. They are what a file that is used again held before:
 * the disk has lost what was written over them.
 */
export function findStrangers(
  { buffer, from, end, shard }: Stretch,
  first: number,
  onStranger: (from: number, end: number) => void,
): void {
  const bytes = buffer.subarray(0, end);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = from; at < end;) {
    const found = parseFrame(view, bytes, at, shard, () => true);
    if (found.is === "cut") return;
    if (found.is !== "damage") {
      const { kind, shard: itsShard, position } = found.header;
      const isOurs = kind === FrameKind.record ? itsShard === shard && position >= first : kind !== FrameKind.state;
      if (!isOurs) onStranger(at, found.end);
    }
    at = found.end;
  }
}
