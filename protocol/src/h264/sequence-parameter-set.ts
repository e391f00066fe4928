import { BitReader } from "./bit-reader.js";
import { H264Error } from "./h264-error.js";
import { withoutEmulationPrevention } from "./nal-units.js";
import { reorderFramesOf } from "./reorder-frames.js";
import { readVui, type Vui } from "./vui.js";

/** What a sequence parameter set says of its pictures. ITU-T H.264, clause 7.3.2.1.1. */
export interface SequenceParameterSet {
  /** 0 to 31. */
  readonly id: number;
  readonly profile: number;
  /** constraint_set0_flag is the highest bit. */
  readonly constraints: number;
  /** Ten times the level's number: 31 is level 3.1. */
  readonly level: number;
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Pixels after cropping. */
  readonly width: number;
  readonly height: number;
  /** A pixel's width and height in proportion; undefined where not stated. */
  readonly pixelAspect: readonly [width: number, height: number] | undefined;
  /** Frames per second where the VUI has timing, which need not be what the camera does. */
  readonly frameRate: number | undefined;
  /** How many frames may precede a frame in decode order and follow it in output order: 0 to 16. */
  readonly reorderFrames: number;
}

/** Profiles whose parameter sets tell the chroma format. */
const PROFILES_WITH_CHROMA = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const PIXELS_MAX = 16_384;

/**
 * Reads a sequence parameter set. A VUI that is cut short or out of bounds, as some cameras write it, counts as absent.
 * @param unit the NAL unit, its header included.
 * @throws {H264Error} `InvalidCodecPrivateData`.
 */
export function parseSps(unit: Uint8Array): SequenceParameterSet {
  if (((unit[0] ?? 0) & 0x9f) !== 7) throw invalid("not a sequence parameter set");
  const reader = new BitReader(withoutEmulationPrevention(unit.subarray(1)));
  const [profile, constraints, level] = [reader.bits(8), reader.bits(8), reader.bits(8)];
  const id = reader.unsigned();
  if (id > 31) throw invalid(`sequence parameter set id ${id}, highest: 31`);
  const { chromaFormat, bitDepthLuma, bitDepthChroma } = readChroma(reader, profile);
  reader.unsigned(); // log2_max_frame_num_minus4
  const pocType = readPictureOrderCount(reader);
  const referenceFrames = reader.unsigned();
  reader.flag(); // gaps_in_frame_num_value_allowed_flag
  const [widthInMbs, heightInMapUnits] = [reader.unsigned() + 1, reader.unsigned() + 1];
  const fieldsPerMapUnit = reader.flag() ? 1 : 2;
  if (fieldsPerMapUnit === 2) reader.flag(); // mb_adaptive_frame_field_flag
  reader.flag(); // direct_8x8_inference_flag
  const crop = reader.flag()
    ? [reader.unsigned(), reader.unsigned(), reader.unsigned(), reader.unsigned()]
    : [0, 0, 0, 0];
  const hasVui = reader.flag();
  if (reader.isOverrun) throw invalid("the sequence parameter set is cut short");
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const heightInMbs = heightInMapUnits * fieldsPerMapUnit;
  const cropX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const cropY = (chromaFormat === 1 ? 2 : 1) * fieldsPerMapUnit;
  const width = widthInMbs * 16 - (left + right) * cropX;
  const height = heightInMbs * 16 - (top + bottom) * cropY;
  if (Math.min(width, height) < 1 || Math.max(widthInMbs, heightInMbs) * 16 > PIXELS_MAX)
    throw invalid(`${width} by ${height} pixels of ${widthInMbs * 16} by ${heightInMbs * 16}`);
  const vui: Vui = hasVui ? readVui(reader) : {};
  return {
    id,
    profile,
    constraints,
    level,
    chromaFormat,
    bitDepthLuma,
    bitDepthChroma,
    width,
    height,
    pixelAspect: vui.pixelAspect,
    frameRate: vui.frameRate,
    reorderFrames: reorderFramesOf({
      profile,
      constraints,
      level,
      pocType,
      referenceFrames,
      frameInMbs: widthInMbs * heightInMbs,
      stated: vui.reorderFrames,
    }),
  };
}

function readChroma(
  reader: BitReader,
  profile: number,
): { chromaFormat: number; bitDepthLuma: number; bitDepthChroma: number } {
  if (!PROFILES_WITH_CHROMA.has(profile)) return { chromaFormat: 1, bitDepthLuma: 8, bitDepthChroma: 8 };
  const chromaFormat = reader.unsigned();
  const isSeparate = chromaFormat === 3 && reader.flag();
  const [bitDepthLuma, bitDepthChroma] = [reader.unsigned() + 8, reader.unsigned() + 8];
  if (chromaFormat > 3 || Math.max(bitDepthLuma, bitDepthChroma) > 14)
    throw invalid(`chroma format ${chromaFormat} with ${bitDepthLuma} and ${bitDepthChroma} bits`);
  reader.flag(); // qpprime_y_zero_transform_bypass_flag
  if (reader.flag()) {
    const lists = chromaFormat === 3 ? 12 : 8;
    for (let i = 0; i < lists; i++) if (reader.flag()) skipScalingList(reader, i < 6 ? 16 : 64);
  }
  return { chromaFormat: isSeparate ? 0 : chromaFormat, bitDepthLuma, bitDepthChroma };
}

function skipScalingList(reader: BitReader, size: number): void {
  let next = 8;
  for (let i = 0, last = 8; i < size && next !== 0; i++) {
    next = (last + reader.signed() + 256) % 256;
    if (next !== 0) last = next;
  }
}

function readPictureOrderCount(reader: BitReader): number {
  const type = reader.unsigned();
  if (type > 2) throw invalid(`picture order count type ${type}`);
  if (type === 0) reader.unsigned(); // log2_max_pic_order_cnt_lsb_minus4
  if (type !== 1) return type;
  reader.flag(); // delta_pic_order_always_zero_flag
  reader.signed(); // offset_for_non_ref_pic
  reader.signed(); // offset_for_top_to_bottom_field
  const cycle = reader.unsigned();
  if (cycle > 255) throw invalid(`a picture order count cycle of ${cycle} frames, most: 255`);
  for (let i = 0; i < cycle; i++) reader.signed();
  return type;
}

function invalid(message: string): H264Error {
  return new H264Error("InvalidCodecPrivateData", message);
}
