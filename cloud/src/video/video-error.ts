/** What only Video Streams refuses a request for; all else is a {@link CloudError}. */
export type VideoErrorCode =
  | "version-mismatch"
  | "connections-exceeded"
  | "no-data-retention"
  | "media-type-unsupported"
  | "codec-private-data-missing"
  | "codec-private-data-invalid"
  | "media-frame-invalid"
  | "fragment-not-found"
  | "session-invalid"
  | "session-expired";

/** An answer that is not the one hoped for. video/http/video-wire-errors.ts says how it looks on the wire. */
export class VideoError extends Error {
  override readonly name = "VideoError";
  constructor(
    readonly code: VideoErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
