import type { LogFile } from "../files/log-file.js";
import type { FrameIndex } from "./frame-index.js";

/** What one file holds of one shard: the positions from `first` up to `next`. */
export interface Part {
  readonly file: LogFile;
  readonly index: FrameIndex;
  /** Later than the index's where an earlier file holds the positions before. */
  first: number;
  /** Earlier than the index's where a later file replaces the tail of this one. */
  next: number;
}

export function partOf(file: LogFile, index: FrameIndex): Part {
  return { file, index, first: index.first, next: index.next };
}

export function partPayloadBytes(part: Part, from = part.first): number {
  return part.index.payloadBefore(part.next) - part.index.payloadBefore(Math.max(part.first, from));
}
