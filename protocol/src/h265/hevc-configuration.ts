import type { LengthBytes } from "../h264/nal-units.js";
import { H265Error } from "./h265-error.js";
import { parseHevcSps, type HevcSequenceParameterSet } from "./sequence-parameter-set.js";

/**
 * The decoder configuration of an H.265 track: "hvcC" in MP4, CodecPrivate in Matroska. ISO/IEC 14496-15, clause 8.3.3.1.
 * Of its arrays only the first sequence parameter set is read.
 */
export interface HevcConfiguration {
  readonly lengthBytes: LengthBytes;
  readonly sps: HevcSequenceParameterSet;
  /** ISO/IEC 14496-15, annex E: `hvc1.`, profile, compatibility, tier and level, constraints. */
  readonly codec: string;
}

const ARRAYS_AT = 22;
const SEQUENCE_PARAMETER_SETS = 33;

/** @throws {H265Error} `MissingCodecPrivateData` of no bytes, otherwise `InvalidCodecPrivateData`. */
export function parseHvcC(record: Uint8Array): HevcConfiguration {
  if (record.length === 0) throw new H265Error("MissingCodecPrivateData", "the H.265 track has no codec private data");
  // Writers older than the standard's text wrote version 0 and nothing else different.
  if (record.length <= ARRAYS_AT || (record[0] ?? 0) > 1) throw invalid("not a decoder configuration record");
  const lengthBytes = ((record[21] ?? 0) & 3) + 1;
  if (lengthBytes === 3) throw invalid("NAL units with lengths of 3 bytes");
  return { lengthBytes: lengthBytes as LengthBytes, sps: parseHevcSps(firstSps(record)), codec: codecOf(record) };
}

function firstSps(record: Uint8Array): Uint8Array {
  let at = ARRAYS_AT + 1;
  let first: Uint8Array | undefined;
  for (let array = record[ARRAYS_AT] ?? 0; array > 0; array--) {
    const type = (record[at] ?? 0) & 63;
    const units = uint16(record, at + 1);
    at += 3;
    for (let i = 0; i < units; i++) {
      const start = at + 2;
      at = start + uint16(record, at);
      if (at > record.length) throw invalid("a parameter set runs past the end");
      if (type === SEQUENCE_PARAMETER_SETS) first ??= record.subarray(start, at);
    }
    if (at > record.length) throw invalid("an array runs past the end");
  }
  if (first === undefined) throw invalid("no sequence parameter set");
  return first;
}

function codecOf(record: Uint8Array): string {
  const [profileByte = 0, level = 0] = [record[1], record[12]];
  let compatibility = 0; // the flags from the last to the first
  for (let bit = 31; bit >= 0; bit--) {
    const byte = record[2 + (bit >> 3)] ?? 0;
    compatibility = compatibility * 2 + ((byte >> (7 - (bit & 7))) & 1);
  }
  const constraints = [...record.subarray(6, 12)].map((byte) => byte.toString(16).toUpperCase());
  while (constraints.at(-1) === "0") constraints.pop();
  const parts = [
    `${["", "A", "B", "C"][profileByte >> 6] ?? ""}${profileByte & 31}`,
    compatibility.toString(16).toUpperCase(),
    `${(profileByte & 32) === 0 ? "L" : "H"}${level}`,
    ...constraints,
  ];
  return `hvc1.${parts.join(".")}`;
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
}

function invalid(message: string): H265Error {
  return new H265Error("InvalidCodecPrivateData", message);
}
