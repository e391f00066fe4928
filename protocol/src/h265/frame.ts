import { splitByLength, type LengthBytes } from "../h264/nal-units.js";
import { H265Error } from "./h265-error.js";

/**
 * The coded slices of a frame as it stands in MP4 and Matroska, as views: what has to stay the same from capture to
 * playing.
 * @throws {H265Error} `InvalidMediaFrame` where the lengths do not add up to the frame.
 */
export function hevcSliceUnitsOf(frame: Uint8Array, lengthBytes: LengthBytes): Uint8Array[] {
  const units = splitByLength(frame, lengthBytes);
  if (units === undefined)
    throw new H265Error(
      "InvalidMediaFrame",
      `the lengths of NAL units do not add up to the frame of ${frame.length} bytes`,
    );
  return units.filter((unit) => (((unit[0] ?? 0) >> 1) & 63) < 32);
}
