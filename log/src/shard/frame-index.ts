/** Frames that follow each other in a file share one entry up to this many bytes: the most that is read to find one. */
const runBytesMax = 64 * 1024;

/**
 * Where one shard's frames lie in one file: runs of adjacent frames, in rising order of position and offset. Plain
 * arrays of numbers instead of an object per run, since single-record appends make a run each.
 */
export class FrameIndex {
  /** Of each run: its first frame's position and arrival, its start and end in the file. */
  readonly positions: number[] = [];
  readonly arrivals: number[] = [];
  readonly offsets: number[] = [];
  readonly ends: number[] = [];
  /** Payload bytes of all runs before. */
  readonly payloadsBefore: number[] = [];
  payloadBytes = 0;
  /** The position after the last frame. */
  next = 0;
  lastArrivalMs = 0;

  get runs(): number {
    return this.positions.length;
  }

  get first(): number {
    return this.positions[0] ?? 0;
  }

  /** `adjacent`: nothing of another shard, and no state, lies between these frames and the ones before. */
  add(
    frames: { position: number; count: number; arrivalMs: number; offset: number; end: number; payloadBytes: number },
    adjacent: boolean,
  ): void {
    const last = this.runs - 1;
    if (adjacent && last >= 0 && frames.position === this.next && frames.end - this.offsets[last]! <= runBytesMax) {
      this.ends[last] = frames.end;
    } else {
      this.positions.push(frames.position);
      this.arrivals.push(frames.arrivalMs);
      this.offsets.push(frames.offset);
      this.ends.push(frames.end);
      this.payloadsBefore.push(this.payloadBytes);
    }
    this.payloadBytes += frames.payloadBytes;
    this.next = frames.position + frames.count;
    this.lastArrivalMs = frames.arrivalMs;
  }

  /** Forgets all runs but the first so many. Sums and bounds stay the caller's. */
  keepRuns(count: number): void {
    for (const array of [this.positions, this.arrivals, this.offsets, this.ends, this.payloadsBefore])
      array.length = count;
  }

  /** The run that holds a position, if any does: the last that starts at or before it, at least the first. */
  runOf(position: number): number {
    return Math.max(0, countUpTo(this.positions, position) - 1);
  }

  /** The last run that starts before the time, at least the first: where the first frame from that time on may lie. */
  runBeforeArrival(arrivalMs: number): number {
    return Math.max(0, countUpTo(this.arrivals, arrivalMs - 1) - 1);
  }

  /** Payload bytes of the frames before a position; within a run an estimate by the share of its frames. */
  payloadBefore(position: number): number {
    if (this.runs === 0 || position <= this.first) return 0;
    if (position >= this.next) return this.payloadBytes;
    const run = this.runOf(position);
    const from = this.payloadsBefore[run]!;
    const to = this.payloadsBefore[run + 1] ?? this.payloadBytes;
    const frames = (this.positions[run + 1] ?? this.next) - this.positions[run]!;
    return Math.round(from + ((to - from) * (position - this.positions[run]!)) / frames);
  }
}

/** How many of the rising numbers are at most the bound. */
function countUpTo(rising: readonly number[], bound: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rising[middle]! <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
