import type { MediaErrorCode } from "../h264/h264-error.js";

/** What is wrong with bytes that claim to be H.265. Never retriable: the same bytes fail again. */
export class H265Error extends Error {
  override readonly name = "H265Error";
  constructor(
    readonly code: MediaErrorCode,
    message: string,
  ) {
    super(message);
  }
}
