import { BitReader } from "../h264/bit-reader.js";
import { withoutEmulationPrevention } from "../h264/nal-units.js";
import { plausibleFrameRate, readPixelAspect, skipVideoSignalType } from "../h264/vui.js";
import { H265Error } from "./h265-error.js";

/** What a sequence parameter set says of its pictures. ITU-T H.265, clause 7.3.2.2. */
export interface HevcSequenceParameterSet {
  /** Pixels of the conformance window. */
  readonly width: number;
  readonly height: number;
  /** A pixel's width and height in proportion; undefined where not stated. */
  readonly pixelAspect: readonly [width: number, height: number] | undefined;
  /** Frames per second where the VUI has timing. */
  readonly frameRate: number | undefined;
  /** How many frames may precede a frame in decode order and follow it in output order: 0 to 16. */
  readonly reorderFrames: number;
}

const PIXELS_MAX = 16_384;

/**
 * Reads a sequence parameter set of a single layer. Whatever cannot be read behind the reorder depth, extensions of
 * later editions among it, leaves pixel aspect and frame rate undefined.
 * @param unit the NAL unit, its header included.
 * @throws {H265Error} `InvalidCodecPrivateData`.
 */
export function parseHevcSps(unit: Uint8Array): HevcSequenceParameterSet {
  if ((((unit[0] ?? 0) >> 1) & 63) !== 33) throw invalid("not a sequence parameter set");
  const reader = new BitReader(withoutEmulationPrevention(unit.subarray(2)));
  reader.bits(4); // sps_video_parameter_set_id
  const subLayers = reader.bits(3) + 1;
  reader.flag(); // sps_temporal_id_nesting_flag
  skipProfileTierLevel(reader, subLayers);
  reader.unsigned(); // sps_seq_parameter_set_id
  const chromaFormat = reader.unsigned();
  const isSeparate = chromaFormat === 3 && reader.flag();
  const [codedWidth, codedHeight] = [reader.unsigned(), reader.unsigned()];
  const hasWindow = reader.flag();
  const [left, right, top, bottom] = hasWindow
    ? [reader.unsigned(), reader.unsigned(), reader.unsigned(), reader.unsigned()]
    : [0, 0, 0, 0];
  reader.unsigned(); // bit_depth_luma_minus8
  reader.unsigned(); // bit_depth_chroma_minus8
  const pocBits = reader.unsigned() + 4;
  let reorderFrames = 0;
  for (let i = reader.flag() ? 0 : subLayers - 1; i < subLayers; i++) {
    reader.unsigned(); // sps_max_dec_pic_buffering_minus1
    reorderFrames = reader.unsigned(); // the highest sub-layer's counts
    reader.unsigned(); // sps_max_latency_increase_plus1
  }
  if (reader.isOverrun) throw invalid("the sequence parameter set is cut short");
  const unitX = !isSeparate && (chromaFormat === 1 || chromaFormat === 2) ? 2 : 1;
  const unitY = !isSeparate && chromaFormat === 1 ? 2 : 1;
  const width = codedWidth - (left + right) * unitX;
  const height = codedHeight - (top + bottom) * unitY;
  if (Math.min(width, height) < 1 || Math.max(codedWidth, codedHeight) > PIXELS_MAX)
    throw invalid(`${width} by ${height} pixels of ${codedWidth} by ${codedHeight}`);
  if (chromaFormat > 3 || pocBits > 16 || reorderFrames > 16)
    throw invalid(`chroma format ${chromaFormat}, ${pocBits} bits of order, ${reorderFrames} frames reordered`);
  const vui = isVuiNext(reader, pocBits) ? readHevcVui(reader) : {};
  return { width, height, pixelAspect: vui.pixelAspect, frameRate: vui.frameRate, reorderFrames };
}

function skipProfileTierLevel(reader: BitReader, subLayers: number): void {
  reader.skip(96);
  const present: { hasProfile: boolean; hasLevel: boolean }[] = [];
  for (let i = 1; i < subLayers; i++) present.push({ hasProfile: reader.flag(), hasLevel: reader.flag() });
  if (subLayers > 1) reader.skip(2 * (9 - subLayers));
  for (const { hasProfile, hasLevel } of present) reader.skip((hasProfile ? 88 : 0) + (hasLevel ? 8 : 0));
}

/** Reads what lies before the VUI; whether there is one, and it can be reached. */
function isVuiNext(reader: BitReader, pocBits: number): boolean {
  for (let i = 0; i < 6; i++) reader.unsigned(); // sizes of coding and transform blocks
  if (reader.flag() && reader.flag()) skipScalingLists(reader);
  reader.skip(2); // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (reader.flag()) {
    reader.skip(8); // pcm bit depths
    reader.unsigned();
    reader.unsigned();
    reader.flag();
  }
  if (!skipShortTermSets(reader)) return false;
  if (reader.flag()) {
    const longTerm = reader.unsigned();
    if (longTerm > 32) return false;
    reader.skip(longTerm * (pocBits + 1));
  }
  reader.skip(2); // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
  return reader.flag() && !reader.isOverrun;
}

function skipScalingLists(reader: BitReader): void {
  for (let size = 0; size < 4; size++)
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (!reader.flag()) {
        reader.unsigned(); // scaling_list_pred_matrix_id_delta
        continue;
      }
      if (size > 1) reader.signed(); // scaling_list_dc_coef_minus8
      for (let i = Math.min(64, 16 << (2 * size)); i > 0; i--) reader.signed();
    }
}

/** st_ref_pic_set(), clause 7.3.7: the length of one depends on the one before. */
function skipShortTermSets(reader: BitReader): boolean {
  const sets = reader.unsigned();
  if (sets > 64) return false;
  for (let i = 0, pictures = 0; i < sets; i++) {
    if (i > 0 && reader.flag()) {
      reader.flag(); // delta_rps_sign
      reader.unsigned(); // abs_delta_rps_minus1
      let kept = 0;
      for (let j = 0; j <= pictures; j++) if (reader.flag() || reader.flag()) kept++;
      pictures = kept;
    } else {
      pictures = reader.unsigned() + reader.unsigned();
      for (let j = 0; j < Math.min(pictures, 17); j++) {
        reader.unsigned();
        reader.flag();
      }
    }
    if (pictures > 16) return false;
  }
  return true;
}

/** Annex E.2.1, up to the timing. */
function readHevcVui(reader: BitReader): Partial<Pick<HevcSequenceParameterSet, "pixelAspect" | "frameRate">> {
  const pixelAspect = readPixelAspect(reader);
  if (reader.flag()) reader.flag(); // overscan
  skipVideoSignalType(reader);
  if (reader.flag()) {
    reader.unsigned(); // chroma_sample_loc_type_top_field
    reader.unsigned(); // and bottom_field
  }
  reader.skip(3); // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
  if (reader.flag()) for (let i = 0; i < 4; i++) reader.unsigned(); // default display window
  if (!reader.flag()) return reader.isOverrun ? {} : { pixelAspect };
  const [unitsInTick, timeScale] = [reader.bits(32), reader.bits(32)];
  return reader.isOverrun ? {} : { pixelAspect, frameRate: plausibleFrameRate(timeScale / unitsInTick) };
}

function invalid(message: string): H265Error {
  return new H265Error("InvalidCodecPrivateData", message);
}
