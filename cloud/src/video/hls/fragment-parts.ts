import { type Mp4Track, sampleClock } from "@headwater/protocol/mp4";

/** How long a part is, or a frame where that is longer. */
export const PART_MS = 250;

/** A frame's time, in milliseconds since 1970. */
export interface TimedFrame {
  readonly timecodeMs: number;
  readonly isKey: boolean;
}

/** Some frames of a fragment's track that follow each other. */
export interface FragmentPart {
  /** The first frame, and the one after the last, counted from the fragment's beginning. */
  readonly from: number;
  readonly to: number;
  readonly durationMs: number;
  readonly isIndependent: boolean;
}

/**
 * Cuts a track's frames into parts. A part is made once the frame behind it is there, and does not depend on those that
 * come after that one, so parts stay as they are while the fragment grows.
 * @param isComplete the frames are all; what is left is a part as well.
 */
export function partsOf(track: Mp4Track, frames: readonly TimedFrame[], isComplete: boolean): FragmentPart[] {
  const clock = sampleClock(track);
  const ticks = (timecodeMs: number): number => Math.round(timecodeMs * track.ticksPerMs);
  const maxTicks = PART_MS * track.ticksPerMs;
  const parts: FragmentPart[] = [];
  let [from, start, before] = [0, 0, 0];
  const cut = (to: number, endTicks: number): void => {
    const isIndependent = track.kind === "audio" || frames[from]?.isKey === true;
    parts.push({ from, to, durationMs: (endTicks - start) / track.ticksPerMs, isIndependent });
    [from, start] = [to, endTicks];
  };
  for (const [i, { timecodeMs }] of frames.entries()) {
    const { decode } = clock.next(ticks(timecodeMs));
    if (i === 0) start = decode;
    // With one more frame like the last it would be too long.
    else if (decode - start + (decode - before) > maxTicks) cut(i, decode);
    before = decode;
  }
  if (isComplete && from < frames.length) cut(frames.length, clock.end(undefined));
  return parts;
}
