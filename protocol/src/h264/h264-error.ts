/** The video service's own words for media that it cannot play (GetClip, HLS and DASH name them alike). */
export type MediaErrorCode =
  "MissingCodecPrivateData" | "InvalidCodecPrivateData" | "InvalidMediaFrame" | "UnsupportedStreamMediaType";

/** What is wrong with bytes that claim to be H.264. Never retriable: the same bytes fail again. */
export class H264Error extends Error {
  override readonly name = "H264Error";
  constructor(
    readonly code: MediaErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
