import type { Mp4Track, VideoTrack } from "./track.js";

/** A sample's place in its track, in ticks. */
export interface SampleTime {
  readonly decode: number;
  readonly presentation: number;
}

/**
 * Times the frames of one fragment, in decode order. What a frame gets depends on itself and those before it in the
 * fragment only, so that the first frames can be written before the last have come.
 */
export interface SampleClock {
  /** @param presentation when the frame is to be shown, in ticks. */
  next(presentation: number): SampleTime;
  /**
   * The decode time with which the next fragment begins.
   * @param presentation of its first frame, in ticks; where unknown, one frame after the last shown is taken.
   */
  end(presentation: number | undefined): number;
}

/**
 * @param hasLeadIn whether the first pictures of a fragment are decoded before it begins, where the track reorders. Without,
 * they are decoded at once at its beginning, and its last one lasts the longer.
 */
export function sampleClock(track: Mp4Track, hasLeadIn = true): SampleClock {
  return track.kind === "video"
    ? new VideoClock(track, hasLeadIn ? track.frameTicks : 0)
    : new AudioClock(track.frameTicks, 2 * track.ticksPerMs);
}

/**
 * Matroska tells when frames are shown, not when they are decoded. With a reorder depth of D, the frame that is shown as
 * the (k+1)-th is decoded as the (k+1+D)-th or before. So a frame's decode time is the time of the frame shown D places
 * before its own place in decode order: of all frames until then, the (D+1)-th latest time. It never exceeds the
 * frame's own time, and rises.
 *
 * The first D frames of a fragment have no such frame. They take the D steps of a usual frame duration that lead up to
 * the fragment's start, so the next fragment begins at its own start less the same D steps.
 */
class VideoClock implements SampleClock {
  /** The latest presentation times until now, rising: D + 1, and two at least. */
  readonly #latest: number[] = [];
  #start = 0;
  #count = 0;
  #decode = -1;

  /** @param stepTicks between the frames that lead up to the fragment's start. */
  constructor(
    private readonly track: Pick<VideoTrack, "reorderFrames" | "frameTicks">,
    private readonly stepTicks: number,
  ) {}

  next(presentation: number): SampleTime {
    const { reorderFrames } = this.track;
    if (this.#count === 0) this.#start = presentation;
    this.#keep(presentation);
    const wanted =
      this.#count < reorderFrames
        ? this.#start - (reorderFrames - this.#count) * this.stepTicks
        : (this.#latest.at(-1 - reorderFrames) ?? 0);
    this.#count++;
    this.#decode = Math.max(wanted, this.#decode + 1);
    return { decode: this.#decode, presentation };
  }

  end(presentation: number | undefined): number {
    const { reorderFrames, frameTicks } = this.track;
    const [beforeLast, last] = [this.#latest.at(-2), this.#latest.at(-1) ?? 0];
    const frame = beforeLast === undefined ? frameTicks : last - beforeLast;
    const start = (presentation ?? last + frame) - reorderFrames * this.stepTicks;
    return Math.max(start, this.#decode + 1);
  }

  #keep(presentation: number): void {
    const latest = this.#latest;
    let at = latest.length;
    while (at > 0 && (latest[at - 1] ?? 0) > presentation) at--;
    latest.splice(at, 0, presentation);
    if (latest.length > Math.max(this.track.reorderFrames + 1, 2)) latest.shift();
  }
}

/**
 * Audio frames follow one another without gap, which milliseconds cannot say: a time that is off by no more than the
 * rounding of two of them is taken as the end of the frame before.
 */
class AudioClock implements SampleClock {
  #end: number | undefined;
  #decode = -1;

  constructor(
    private readonly frameTicks: number,
    private readonly roundingTicks: number,
  ) {}

  next(presentation: number): SampleTime {
    this.#decode = Math.max(this.#joined(presentation), this.#decode + 1);
    this.#end = this.#decode + this.frameTicks;
    return { decode: this.#decode, presentation: this.#decode };
  }

  /** The next fragment begins where its own time says, since it is written without knowing this one. */
  end(presentation: number | undefined): number {
    return Math.max(presentation ?? this.#end ?? 0, this.#decode + 1);
  }

  #joined(presentation: number): number {
    return this.#end !== undefined && Math.abs(presentation - this.#end) <= this.roundingTicks
      ? this.#end
      : presentation;
  }
}
