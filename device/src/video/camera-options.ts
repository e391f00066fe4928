/** A camera that an operator configured, checked. */
export interface CameraOptions {
  /** The Kinesis video stream that it goes to; no two cameras share one. */
  readonly stream: string;
  readonly source: CameraSource;
  /** `copy` passes on what the camera sends, `aac` encodes what is not AAC yet. */
  readonly audio: "copy" | "aac" | "off";
  /** ffmpeg or gst-launch-1.0: its name on PATH, or its path. */
  readonly program: string;
  /** Of what is encoded on the device; of a V4L2 camera's H.264 too. */
  readonly picture: Picture;
  readonly archive: ArchiveLimits;
}

export type CameraSource =
  | { readonly kind: "rtsp"; readonly url: string }
  /** `format`: what the camera is asked for; H.264 is passed on, everything else encoded. */
  | { readonly kind: "v4l2"; readonly path: string; readonly format: string | undefined }
  | { readonly kind: "test-pattern" };

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
}

/** How much of a camera's video the device keeps, whether it was sent or not. */
export interface ArchiveLimits {
  readonly bytesMax: number;
  readonly hoursMax: number;
}

/** Reads `rtsp://…`, `rtsps://…`, `/dev/…` or `test-pattern`; `undefined` where it is none of them. */
export function parseSource(text: string, format?: string): CameraSource | undefined {
  if (text === "test-pattern") return { kind: "test-pattern" };
  if (/^\/dev\/[^\0]+$/.test(text)) return { kind: "v4l2", path: text, format };
  if (!/^rtsps?:\/\//i.test(text) || /\s/.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text).hostname === "" ? undefined : { kind: "rtsp", url: text };
}
