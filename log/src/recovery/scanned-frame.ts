import type { FrameHeader } from "../format/frame.js";
import type { JournalState } from "../journal-index/checkpoint.js";
import type { FrameIndex } from "../shard/frame-index.js";

/** A whole frame of a record or a state. */
export interface ScannedFrame {
  readonly header: FrameHeader;
  readonly offset: number;
  readonly end: number;
  /** Of a state. */
  readonly stateNumber: number;
  /** Nothing but a mark lies between this record and the one before, which is of the same shard. */
  readonly adjacent: boolean;
}

/** Takes a record into an index, unless one at its position or behind is there. */
export function addFrame(index: FrameIndex, { header, offset, end, adjacent }: ScannedFrame): void {
  const { position, arrivalMs, payloadBytes } = header;
  if (index.runs > 0 && position < index.next) return;
  index.add({ position, count: 1, arrivalMs, offset, end, payloadBytes }, adjacent);
}

/** Where a state lies. */
export function stateOf({ header, stateNumber, offset, end }: ScannedFrame): JournalState {
  return { shard: header.shard, number: stateNumber, position: header.position, offset, end };
}

export interface Stretch {
  readonly offset: number;
  readonly end: number;
  /** The shard, where the header survived. */
  readonly shard?: number;
}
