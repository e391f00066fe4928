import { mediaSegment, type MediaFrame } from "../media-segment.js";
import type { Mp4Track } from "../track.js";

type Cut = (fragment: readonly MediaFrame[]) => readonly (readonly MediaFrame[])[];

/**
 * Writes all frames of a stream, each segment or part given the frame that follows it.
 * @param cut what of a fragment goes into one segment; by default all.
 */
export function segmentsOf(
  track: Mp4Track,
  fragments: readonly (readonly MediaFrame[])[],
  cut: Cut = (fragment) => [fragment],
  hasLeadIn?: boolean,
): Buffer[] {
  const segments: Buffer[] = [];
  for (const [i, fragment] of fragments.entries()) {
    let before = 0;
    for (const part of cut(fragment)) {
      const following = fragment[before + part.length];
      const next = following ?? fragments[i + 1]?.[0];
      const { buffers } = mediaSegment({
        track,
        sequence: segments.length,
        frames: part,
        precedingMs: fragment.slice(0, before).map(({ timecodeMs }) => timecodeMs),
        next: next && { timecodeMs: next.timecodeMs, startsFragment: following === undefined },
        ...(hasLeadIn === undefined ? {} : { hasLeadIn }),
      });
      segments.push(Buffer.concat(buffers));
      before += part.length;
    }
  }
  return segments;
}

/** Cuts parts of the given sizes, over and over. */
export function partsOf(sizes: readonly number[]): Cut {
  return (fragment) => {
    const parts: MediaFrame[][] = [];
    for (let at = 0, i = 0; at < fragment.length; i++) {
      const size = sizes[i % sizes.length] ?? 1;
      parts.push(fragment.slice(at, at + size));
      at += size;
    }
    return parts;
  };
}
