import { H264Error, type MediaErrorCode } from "../h264/h264-error.js";
import { H265Error } from "../h265/h265-error.js";

/** Why a track or its frames cannot be written as MP4. Never retriable: the same media fails again. */
export class Mp4Error extends Error {
  override readonly name = "Mp4Error";
  constructor(
    readonly code: MediaErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What codecs find wrong with their bytes is wrong with the MP4 that would hold them. */
export function withMp4Errors<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof H264Error || error instanceof H265Error)
      throw new Mp4Error(error.code, error.message, { cause: error });
    throw error;
  }
}
