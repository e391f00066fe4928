import type { MatroskaTrack } from "@headwater/protocol/matroska";

/** A camera, as the agent needs it: ffmpeg and GStreamer are behind the real ones, a script behind the tests'. */
export interface CaptureSource {
  /** What the operator calls it, without credentials. */
  readonly name: string;
  /**
   * Captures until the signal aborts, which ends it without an error. Whoever iterates must take what comes at once:
   * a camera does not wait. Whatever it started has ended when the iteration ends.
   * @throws {CaptureError} when the camera gives no more; the next call tries anew.
   */
  capture(signal: AbortSignal): AsyncIterable<CaptureEvent>;
}

/** An init comes first, and again when the tracks change. */
export type CaptureEvent = CaptureInit | CapturedFrame;

/** What a decoder needs before the frames that follow. */
export interface CaptureInit {
  readonly kind: "init";
  /** One of them is video; at most one is audio. */
  readonly tracks: readonly MatroskaTrack[];
}

/** One encoded frame, exactly as the camera or its encoder gave it. */
export interface CapturedFrame {
  readonly kind: "frame";
  /** The number of its track. */
  readonly track: number;
  /** It decodes alone, as every frame of audio does. */
  readonly isKey: boolean;
  /** Presentation time on a time line of the capture's own. */
  readonly timecodeMs: number;
  readonly data: Buffer;
}

/** Why a capture ended that nobody stopped. */
export type CaptureFault =
  /** The program is not installed. */
  | "program-missing"
  /** The program ended by itself: no camera at the address, or the camera ended the stream. */
  | "ended"
  /** Neither bytes nor key frames came for too long. */
  | "silent"
  /** The picture changed, so that only another capture can go on with it. */
  | "changed"
  /** Output that is not Matroska. */
  | "malformed"
  /** No video in it, or in a format that is not passed on. */
  | "unsupported";

export class CaptureError extends Error {
  override readonly name = "CaptureError";
  constructor(
    readonly fault: CaptureFault,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
