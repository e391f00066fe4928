import { H264Error } from "@headwater/protocol/h264";
import { H265Error } from "@headwater/protocol/h265";
import type { DeviceClock } from "../clock/device-clock.js";
import { Condition } from "../condition.js";
import { Counts } from "../counts.js";
import type { Report } from "../report.js";
import { Backoff } from "../uplink/backoff.js";
import type { PieceStore } from "./archive/video-archive.js";
import {
  CaptureError,
  type CapturedFrame,
  type CaptureEvent,
  type CaptureFault,
  type CaptureSource,
} from "./capture/capture-source.js";
import { CaptureTimeline } from "./fragment/capture-timeline.js";
import { type CutDrop, type CutPiece, FragmentCutter, frameStarts } from "./fragment/fragment-cutter.js";
import { InBandTracks } from "./fragment/in-band-tracks.js";

export interface CameraParts {
  readonly source: CaptureSource;
  readonly archive: PieceStore;
  readonly clock: DeviceClock;
  /** 0 up to, not including, 1. */
  readonly random: () => number;
  readonly report: Report;
}

export interface CameraStatus {
  /** Frames are coming. */
  readonly isCapturing: boolean;
  /** Captures begun since the start, and why they ended. */
  readonly captures: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Frames that came since the start; those of them that were not stored, by cause. */
  readonly frames: number;
  readonly droppedFrames: Readonly<Record<string, number>>;
  /** How often frames were dropped up to the next key frame. */
  readonly droppedGops: Readonly<Record<string, number>>;
}

/** A capture that lasted so long was good: the next failure is tried again soon. */
const GOOD_CAPTURE_MS = 30_000;
/** What comes first may come in a burst, long after it was captured; so it waits until the quickest frame is known. */
const SETTLE_MS = 250;
const EARLY_BYTES_MAX = 8 * 1024 * 1024;

interface ArrivedFrame {
  readonly frame: CapturedFrame;
  readonly arrivedMs: number;
}

/** One camera: captures, again and again, and puts what it gives into its archive as pieces. */
export class Camera {
  readonly #parts: CameraParts;
  readonly #backoff: Backoff;
  readonly #faults = new Counts<CaptureFault | "unexpected">();
  readonly #droppedFrames = new Counts<CutDrop>();
  readonly #droppedGops = new Counts<CutDrop>();
  readonly #cutter = new FragmentCutter({
    frames: (cause, count) => this.#droppedFrames.add(cause, count),
    gop: (cause) => this.#droppedGops.add(cause),
  });
  readonly #pending = new Condition();
  /** Frames of a capture that has just begun. */
  #early: ArrivedFrame[] = [];
  #earlyBytes = 0;
  #timeline: CaptureTimeline | undefined;
  #tracks: InBandTracks | undefined;
  #isCapturing = false;
  #captures = 0;
  #frames = 0;
  #lastFault: CaptureFault | "unexpected" | undefined;

  constructor(parts: CameraParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.random);
    parts.archive.listen({
      lost: (cause, frames, isOngoing) => {
        this.#droppedFrames.add(cause, frames);
        if (isOngoing) this.#cutter.abandon(cause);
        else this.#droppedGops.add(cause);
      },
    });
  }

  get stream(): string {
    return this.#parts.archive.stream;
  }

  status(): CameraStatus {
    return {
      isCapturing: this.#isCapturing,
      captures: this.#captures,
      faults: this.#faults.toObject(),
      frames: this.#frames,
      droppedFrames: this.#droppedFrames.toObject(),
      droppedGops: this.#droppedGops.toObject(),
    };
  }

  /** Captures until the signal aborts; whatever goes wrong is counted, reported and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { archive, clock } = this.#parts;
    const flushing = this.#flushWhenDue(signal);
    while (!signal.aborted) {
      const sinceMs = clock.monotonicMs();
      const end = await this.#capture(signal);
      if (signal.aborted) break;
      this.#takeFault(end);
      if (clock.monotonicMs() - sinceMs >= GOOD_CAPTURE_MS) this.#backoff.reset();
      await clock.sleep(this.#backoff.nextMs(), signal);
    }
    await flushing;
    await archive.settled();
  }

  /** Captures once; answers why it ended. */
  async #capture(signal: AbortSignal): Promise<unknown> {
    const { clock, source } = this.#parts;
    this.#captures++;
    try {
      for await (const event of source.capture(signal)) this.#take(event, clock.monotonicMs());
      return new CaptureError("ended", "the camera ended the stream");
    } catch (error) {
      return error;
    } finally {
      this.#settle();
      this.#put(this.#cutter.end());
      this.#isCapturing = false;
      this.#timeline = undefined;
    }
  }

  #take(event: CaptureEvent, arrivedMs: number): void {
    if (event.kind === "init") {
      this.#settle();
      this.#timeline = undefined;
      this.#tracks = readTracks(event.tracks);
      this.#put(this.#cutter.setTracks(this.#tracks.tracks));
      return;
    }
    this.#frames++;
    if (!this.#isCapturing) this.#begin();
    if (this.#timeline !== undefined) this.#takeFrame(event, arrivedMs, this.#timeline);
    else this.#wait({ frame: event, arrivedMs });
    this.#pending.notify();
  }

  #wait(arrived: ArrivedFrame): void {
    this.#early.push(arrived);
    this.#earlyBytes += arrived.frame.data.length;
    if (this.#earlyBytes > EARLY_BYTES_MAX) this.#settle();
  }

  /** Takes the first frames of a capture, on the time line that the quickest of them says. */
  #settle(): void {
    const early = this.#early;
    [this.#early, this.#earlyBytes] = [[], 0];
    if (early.length === 0) return;
    const anchorMs = Math.min(...early.map(({ frame, arrivedMs }) => arrivedMs - frame.timecodeMs));
    this.#timeline = new CaptureTimeline(anchorMs, this.#parts.clock.monotonicMs());
    for (const { frame, arrivedMs } of early) this.#takeFrame(frame, arrivedMs, this.#timeline);
  }

  #takeFrame(frame: CapturedFrame, arrivedMs: number, timeline: CaptureTimeline): void {
    const { track, isKey, timecodeMs, data } = frame;
    const tracks = this.#tracks;
    if (tracks === undefined) throw new TypeError("a frame before its tracks");
    const isVideo = tracks.video?.number === track;
    if (isVideo && !this.#look(tracks, data, isKey)) return;
    const room = (timeMs: number) => (isVideo && isKey ? this.#cutter.roomBefore(timeMs) : undefined);
    const timeMs = timeline.timeOf(timecodeMs, arrivedMs, room);
    if (timeMs === undefined) this.#put(this.#cutter.breakOff("time-jump"));
    else this.#put(this.#cutter.push({ track, isVideo, isKey, timeMs, data }, arrivedMs));
  }

  /** Whether a frame of the video is what it claims to be; its parameter sets may begin another init. @throws {CaptureError} */
  #look(tracks: InBandTracks, data: Buffer, isKey: boolean): boolean {
    try {
      if (tracks.look(data, isKey)) this.#put(this.#cutter.setTracks(tracks.tracks));
      return true;
    } catch (error) {
      if (error instanceof CaptureError) this.#droppedFrames.add("before-key-frame", 1);
      if (!(error instanceof H264Error || error instanceof H265Error)) throw error;
      this.#put(this.#cutter.breakOff("malformed-frame"));
      return false;
    }
  }

  #put(pieces: readonly CutPiece[]): void {
    if (pieces.length === 0 || this.#parts.archive.put(pieces)) return;
    for (const { slices } of pieces) this.#droppedFrames.add("queue-full", frameStarts(slices));
    this.#cutter.abandon("queue-full");
  }

  /** Lets no frame wait longer for others than a piece may. */
  async #flushWhenDue(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      const [first] = this.#early;
      const dueMs = first === undefined ? this.#cutter.dueMs : first.arrivedMs + SETTLE_MS;
      const leftMs = dueMs === undefined ? undefined : dueMs - clock.monotonicMs();
      if (leftMs === undefined) await this.#pending.wait(signal);
      else if (leftMs > 0) await clock.sleep(leftMs, signal);
      else if (first === undefined) this.#put(this.#cutter.flush());
      else this.#settle();
    }
  }

  #begin(): void {
    this.#isCapturing = true;
    if (this.#lastFault === undefined) return;
    this.#parts.report({ level: "info", message: `the camera of ${this.stream} sends again`, after: this.#lastFault });
    this.#lastFault = undefined;
  }

  /** The same fault over and over is told once. */
  #takeFault(end: unknown): void {
    const fault = end instanceof CaptureError ? end.fault : "unexpected";
    this.#faults.add(fault);
    if (fault !== this.#lastFault) {
      const message = `no video from ${this.#parts.source.name} for ${this.stream}`;
      const level = fault === "unexpected" ? "error" : "warn";
      const cause = end instanceof Error ? (fault === "unexpected" ? end.stack : end.message) : String(end);
      this.#parts.report({ level, message: `${message}: ${cause}`, fault });
    }
    this.#lastFault = fault;
  }
}

/** @throws {CaptureError} `unsupported`. */
function readTracks(tracks: ConstructorParameters<typeof InBandTracks>[0]): InBandTracks {
  try {
    return new InBandTracks(tracks);
  } catch (cause) {
    if (!(cause instanceof H264Error)) throw cause;
    throw new CaptureError("unsupported", cause.message, { cause });
  }
}
