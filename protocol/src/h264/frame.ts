import { H264Error } from "./h264-error.js";
import { joinByLength, joinByStartCode, splitByLength, splitByStartCode, type LengthBytes } from "./nal-units.js";

/**
 * The NAL units of a frame as it stands in MP4 and Matroska, as views.
 * @throws {H264Error} `InvalidMediaFrame` where the lengths do not add up to the frame.
 */
export function nalUnitsOf(frame: Uint8Array, lengthBytes: LengthBytes): Uint8Array[] {
  const units = splitByLength(frame, lengthBytes);
  if (units === undefined)
    throw new H264Error(
      "InvalidMediaFrame",
      `the lengths of NAL units do not add up to the frame of ${frame.length} bytes`,
    );
  return units;
}

/**
 * The coded slices of a frame, as views: what has to stay the same from capture to playing. Parameter sets, delimiters
 * and supplemental information may come and go on the way.
 * @throws {H264Error} `InvalidMediaFrame`.
 */
export function sliceUnitsOf(frame: Uint8Array, lengthBytes: LengthBytes): Uint8Array[] {
  return nalUnitsOf(frame, lengthBytes).filter(isSlice);
}

/**
 * Turns an access unit with start codes into a frame whose NAL units have lengths of 4 bytes.
 * @throws {H264Error} `InvalidMediaFrame` where it is not an Annex B byte stream.
 */
export function frameFromAnnexB(accessUnit: Uint8Array): Buffer {
  const units = splitByStartCode(accessUnit);
  if (units === undefined || units.length === 0)
    throw new H264Error("InvalidMediaFrame", "not NAL units behind start codes");
  return joinByLength(units);
}

/**
 * Turns a frame into an access unit with start codes.
 * @throws {H264Error} `InvalidMediaFrame` where the lengths do not add up to the frame.
 */
export function annexBFromFrame(frame: Uint8Array, lengthBytes: LengthBytes): Buffer {
  return joinByStartCode(nalUnitsOf(frame, lengthBytes));
}

export type NalKind = "slice" | "sps" | "pps" | "other";

/** nal_unit_type of table 7-1, as far as anybody here cares. */
export function nalKindOf(unit: Uint8Array): NalKind {
  const type = (unit[0] ?? 0) & 31;
  if (type >= 1 && type <= 5) return "slice";
  return type === 7 ? "sps" : type === 8 ? "pps" : "other";
}

function isSlice(unit: Uint8Array): boolean {
  return nalKindOf(unit) === "slice";
}
