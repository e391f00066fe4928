import { BitReader } from "./bit-reader.js";
import { H264Error } from "./h264-error.js";
import { withoutEmulationPrevention, type LengthBytes } from "./nal-units.js";
import { parseSps, type SequenceParameterSet } from "./sequence-parameter-set.js";

/**
 * The decoder configuration of an H.264 track: "avcC" in MP4, CodecPrivate in Matroska. ISO/IEC 14496-15, clause 5.3.3.1.
 *
 *     offset  size
 *      0      1   version, 1
 *      1      3   profile, constraints, level
 *      4      1   6 bits set; bytes of a NAL unit's length, less 1
 *      5      1   3 bits set; count of sequence parameter sets, then each with its length (2)
 *      .      1   count of picture parameter sets, then each with its length (2)
 *      .      .   of the high profiles: chroma format, bit depths, extensions
 */
export interface AvcConfiguration {
  readonly lengthBytes: LengthBytes;
  /** NAL units, at least one. */
  readonly spsUnits: readonly Uint8Array[];
  /** NAL units, at least one. */
  readonly ppsUnits: readonly Uint8Array[];
  /** The first sequence parameter set, read. */
  readonly sps: SequenceParameterSet;
  /** RFC 6381: `avc1.` and profile, constraints, level in hexadecimal. */
  readonly codec: string;
}

/**
 * Reads a configuration record; the units are views into it.
 * @throws {H264Error} `MissingCodecPrivateData` of no bytes, otherwise `InvalidCodecPrivateData`.
 */
export function parseAvcC(record: Uint8Array): AvcConfiguration {
  if (record.length === 0) throw new H264Error("MissingCodecPrivateData", "the H.264 track has no codec private data");
  if (record[0] !== 1) throw invalid("not a decoder configuration record of version 1");
  const lengthBytes = ((record[4] ?? 0) & 3) + 1;
  if (lengthBytes === 3) throw invalid("NAL units with lengths of 3 bytes");
  const sets = readSets(record, 5, (record[5] ?? 0) & 31);
  const pictureSets = readSets(record, sets.end, record[sets.end] ?? 0);
  const first = sets.units[0];
  if (first === undefined || pictureSets.units.length === 0) throw invalid("no sequence or no picture parameter set");
  return {
    lengthBytes: lengthBytes as LengthBytes,
    spsUnits: sets.units,
    ppsUnits: pictureSets.units,
    sps: parseSps(first),
    codec: `avc1.${Buffer.from(record.subarray(1, 4)).toString("hex")}`,
  };
}

/**
 * Makes the configuration record for frames whose NAL units have lengths of 4 bytes.
 * @throws {H264Error} `InvalidCodecPrivateData` of sets that cannot be read, are too many or too long.
 */
export function buildAvcC(
  spsUnits: readonly Uint8Array[],
  ppsUnits: readonly Uint8Array[],
  lengthBytes: LengthBytes = 4,
): Buffer {
  const first = spsUnits[0];
  if (first === undefined || ppsUnits.length === 0) throw invalid("no sequence or no picture parameter set");
  if (spsUnits.length > 31 || ppsUnits.length > 255) throw invalid("more parameter sets than the record can hold");
  const sps = parseSps(first);
  const parts: Uint8Array[] = [
    Buffer.of(1, sps.profile, sps.constraints, sps.level, 0xfc | (lengthBytes - 1), 0xe0 | spsUnits.length),
    ...spsUnits.flatMap(withLength),
    Buffer.of(ppsUnits.length),
    ...ppsUnits.flatMap(withLength),
  ];
  if (!PROFILES_WITHOUT_CHROMA.has(sps.profile))
    parts.push(Buffer.of(0xfc | sps.chromaFormat, 0xf8 | (sps.bitDepthLuma - 8), 0xf8 | (sps.bitDepthChroma - 8), 0));
  return Buffer.concat(parts);
}

/**
 * The id of a picture parameter set, 0 to 255.
 * @param unit the NAL unit, its header included.
 * @throws {H264Error} `InvalidCodecPrivateData`.
 */
export function ppsIdOf(unit: Uint8Array): number {
  const reader = new BitReader(withoutEmulationPrevention(unit.subarray(1, 16)));
  const id = reader.unsigned();
  if (((unit[0] ?? 0) & 0x9f) !== 8 || reader.isOverrun || id > 255) throw invalid("not a picture parameter set");
  return id;
}

const PROFILES_WITHOUT_CHROMA = new Set([66, 77, 88]);

function readSets(record: Uint8Array, countAt: number, count: number): { units: Uint8Array[]; end: number } {
  const units: Uint8Array[] = [];
  let end = countAt + 1;
  for (let i = 0; i < count; i++) {
    const length = (record[end] ?? 0) * 256 + (record[end + 1] ?? 0);
    const start = end + 2;
    end = start + length;
    if (length === 0 || end > record.length) throw invalid("a parameter set is empty or runs past the end");
    units.push(record.subarray(start, end));
  }
  return { units, end };
}

function withLength(unit: Uint8Array): Uint8Array[] {
  if (unit.length > 65_535) throw invalid(`a parameter set of ${unit.length} bytes`);
  return [Buffer.of(unit.length >> 8, unit.length & 255), unit];
}

function invalid(message: string): H264Error {
  return new H264Error("InvalidCodecPrivateData", message);
}
