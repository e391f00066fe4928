import { type FrameSlice, pieceLimits } from "@headwater/protocol";
import type { WrittenTrack } from "@headwater/protocol/matroska";

/** A piece as it is cut: its fragment has neither number nor wall time yet. */
export interface CutPiece {
  /** The device's monotonic time of the fragment's key frame. */
  readonly fragmentMs: number;
  /** Of the piece within its fragment. */
  readonly index: number;
  readonly isLast: boolean;
  /** In the first piece. */
  readonly tracks?: readonly WrittenTrack[];
  readonly slices: readonly FrameSlice[];
}

/** A frame on the device's monotonic time. */
export interface TimedFrame {
  readonly track: number;
  readonly isVideo: boolean;
  readonly isKey: boolean;
  readonly timeMs: number;
  readonly data: Uint8Array;
}

/** Why frames became no pieces. */
export type CutDrop =
  /** Nothing that they could be decoded from: the capture has just begun, or its tracks have changed. */
  | "before-key-frame"
  /** No key frame came for {@link fragmentLimits.durationMsMax}. */
  | "fragment-too-long"
  | "fragment-too-large"
  | "frame-too-large"
  /** The camera's time line broke. */
  | "time-jump"
  /** Not the NAL units that it claims to be. */
  | "malformed-frame"
  /** More waits for the disk than may; or the disk refused. */
  | "queue-full"
  | "disk-full"
  | "disk-failed"
  /** A bug of ours. */
  | "unexpected";

/** What Kinesis Video takes of one fragment, with some room: 20 s, 50 MB, and 5 fragments a second. */
export const fragmentLimits = {
  durationMsMax: 20_000,
  bytesMax: 40 * 1024 * 1024,
  /** Key frames that come closer do not begin a fragment of their own. */
  durationMsMin: 500,
} as const;

/** A piece that is due after so long, or with so many bytes. */
export const PIECE_MS = 200;
const PIECE_BYTES = 64 * 1024;

interface OpenFragment {
  readonly startMs: number;
  readonly endMs: number;
  readonly bytes: number;
  /** The index that the next piece gets. */
  readonly index: number;
}

/** Counts what became no piece. */
export interface DroppedFrames {
  frames(cause: CutDrop, count: number): void;
  /** The rest of a group of pictures, up to the next key frame. */
  gop(cause: CutDrop): void;
}

/**
 * Cuts frames into fragments and pieces. A fragment begins at a key frame of the video and ends before another that comes
 * {@link fragmentLimits.durationMsMin} or more later. Where a fragment would become too long or too large, or a frame
 * of it is lost, it ends there, and all frames before the next key frame are dropped: they decode from nothing.
 */
export class FragmentCutter {
  #tracks: readonly WrittenTrack[] = [];
  #fragment: OpenFragment | undefined;
  #skipping: CutDrop = "before-key-frame";
  /** Frames of the next piece. */
  #slices: FrameSlice[] = [];
  #sliceBytes = 0;
  #pendingSinceMs: number | undefined;
  #lastEndMs = Number.NEGATIVE_INFINITY;
  readonly #dropped: DroppedFrames;

  constructor(dropped: DroppedFrames) {
    this.#dropped = dropped;
  }

  /** When a piece that waits for more frames has to go, by the time of their arrival. */
  get dueMs(): number | undefined {
    return this.#pendingSinceMs === undefined ? undefined : this.#pendingSinceMs + PIECE_MS;
  }

  /** How far before this time a key frame of the video could begin a fragment; `undefined` where it would not. */
  roomBefore(timeMs: number): number | undefined {
    const endMs = this.#fragment?.endMs ?? this.#lastEndMs;
    return this.#begins(timeMs) ? Math.max(timeMs - endMs - 1, 0) : undefined;
  }

  /** Other tracks from here on; the fragment ends, and the next begins at the next key frame. */
  setTracks(tracks: readonly WrittenTrack[]): CutPiece[] {
    const ended = this.end();
    this.#tracks = tracks;
    return ended;
  }

  push(frame: TimedFrame, arrivedMs: number): CutPiece[] {
    // A bad key frame must not begin a fragment, which would have nothing in it.
    const flaw = flawOf(frame);
    if (flaw !== undefined) return this.breakOff(flaw);
    const pieces: CutPiece[] = [];
    if (frame.isVideo && frame.isKey && this.#begins(frame.timeMs)) {
      pieces.push(...this.end());
      // Fragments never overlap, also where the time line was moved back.
      const startMs = Math.max(frame.timeMs, this.#lastEndMs + 1);
      this.#fragment = { startMs, endMs: startMs, bytes: 0, index: 0 };
    }
    const fragment = this.#fragment;
    if (fragment === undefined) {
      this.#dropped.frames(this.#skipping, 1);
      return pieces;
    }
    const timeMs = Math.round(frame.timeMs - fragment.startMs);
    const problem = problemOf(frame, fragment, timeMs);
    if (problem !== undefined) {
      return [...pieces, ...this.breakOff(problem)];
    }
    this.#fragment = {
      ...fragment,
      bytes: fragment.bytes + frame.data.length,
      endMs: Math.max(fragment.endMs, frame.timeMs),
    };
    if (this.#pendingSinceMs !== undefined && arrivedMs >= this.#pendingSinceMs + PIECE_MS) {
      pieces.push(...this.flush());
    }
    return [...pieces, ...this.#add(frame, timeMs, arrivedMs)];
  }

  /** The frames that wait, as a piece. */
  flush(): CutPiece[] {
    return this.#slices.length === 0 ? [] : [this.#cut(false)];
  }

  /** Ends the fragment, complete. */
  end(): CutPiece[] {
    if (this.#fragment === undefined) return [];
    const piece = this.#cut(true);
    this.#lastEndMs = this.#fragment.endMs;
    this.#fragment = undefined;
    this.#skipping = "before-key-frame";
    return [piece];
  }

  /** Drops a frame and with it all before the next key frame; the fragment ends with what it has. */
  breakOff(cause: CutDrop): CutPiece[] {
    this.#dropped.frames(cause, 1);
    return this.#skip(cause);
  }

  /** Forgets the fragment and what waits of it: nothing more of it can be stored. */
  abandon(cause: CutDrop): void {
    this.#dropped.frames(cause, frameStarts(this.#slices));
    this.#skip(cause);
  }

  #skip(cause: CutDrop): CutPiece[] {
    const ended = this.end();
    if (this.#skipping !== cause) this.#dropped.gop(cause);
    this.#skipping = cause;
    return ended;
  }

  #begins(timeMs: number): boolean {
    return this.#fragment === undefined || timeMs - this.#fragment.startMs >= fragmentLimits.durationMsMin;
  }

  #add({ track, isKey, data }: TimedFrame, timeMs: number, arrivedMs: number): CutPiece[] {
    const pieces: CutPiece[] = [];
    if (this.#sliceBytes + data.length > PIECE_BYTES) pieces.push(...this.flush());
    const frameBytes = data.length;
    for (let offset = 0; offset < frameBytes; offset += pieceLimits.sliceBytesMax) {
      const slice = data.subarray(offset, offset + pieceLimits.sliceBytesMax);
      this.#slices.push({ track, isKey, timeMs, frameBytes, offset, data: slice });
      this.#sliceBytes += slice.length;
      this.#pendingSinceMs ??= arrivedMs;
      if (this.#sliceBytes >= PIECE_BYTES) pieces.push(...this.flush());
    }
    return pieces;
  }

  #cut(isLast: boolean): CutPiece {
    const fragment = this.#fragment;
    if (fragment === undefined) throw new TypeError("a piece of no fragment");
    const slices = this.#slices;
    [this.#slices, this.#sliceBytes, this.#pendingSinceMs] = [[], 0, undefined];
    this.#fragment = { ...fragment, index: fragment.index + 1 };
    const { startMs: fragmentMs, index } = fragment;
    return { fragmentMs, index, isLast, ...(index === 0 ? { tracks: this.#tracks } : {}), slices };
  }
}

/** How many frames begin in slices. */
export function frameStarts(slices: readonly FrameSlice[]): number {
  return slices.filter(({ offset }) => offset === 0).length;
}

function flawOf({ data }: TimedFrame): CutDrop | undefined {
  if (data.length === 0) return "malformed-frame";
  return data.length > pieceLimits.frameBytesMax ? "frame-too-large" : undefined;
}

function problemOf({ data }: TimedFrame, { bytes }: OpenFragment, timeMs: number): CutDrop | undefined {
  if (timeMs > fragmentLimits.durationMsMax) return "fragment-too-long";
  // Frames that are shown before the key frame are a few; farther back is another time line.
  if (timeMs < -fragmentLimits.durationMsMax) return "time-jump";
  return bytes + data.length > fragmentLimits.bytesMax ? "fragment-too-large" : undefined;
}
