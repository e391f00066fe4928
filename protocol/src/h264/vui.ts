import type { BitReader } from "./bit-reader.js";

/** What of the video usability information players need. ITU-T H.264, annex E.1.1. */
export interface Vui {
  readonly pixelAspect?: readonly [width: number, height: number] | undefined;
  readonly frameRate?: number | undefined;
  /** max_num_reorder_frames */
  readonly reorderFrames?: number | undefined;
}

/** Reads it from where it begins; what is cut short or out of bounds counts as absent. */
export function readVui(reader: BitReader): Vui {
  const pixelAspect = readPixelAspect(reader);
  if (reader.flag()) reader.flag(); // overscan
  skipVideoSignalType(reader);
  if (reader.flag()) {
    reader.unsigned(); // chroma_sample_loc_type_top_field
    reader.unsigned(); // and bottom_field
  }
  let frameRate: number | undefined;
  if (reader.flag()) {
    const [unitsInTick, timeScale] = [reader.bits(32), reader.bits(32)];
    reader.flag(); // fixed_frame_rate_flag
    frameRate = plausibleFrameRate(timeScale / (2 * unitsInTick)); // a tick is a field
  }
  const hasNalHrd = reader.flag();
  if (hasNalHrd && !skipHrd(reader)) return {};
  const hasVclHrd = reader.flag();
  if (hasVclHrd && !skipHrd(reader)) return {};
  if (hasNalHrd || hasVclHrd) reader.flag(); // low_delay_hrd_flag
  reader.flag(); // pic_struct_present_flag
  let reorderFrames: number | undefined;
  if (reader.flag()) {
    reader.flag(); // motion_vectors_over_pic_boundaries_flag
    for (let i = 0; i < 4; i++) reader.unsigned(); // largest picture, macroblock and vectors
    reorderFrames = reader.unsigned();
    const bufferedFrames = reader.unsigned();
    if (reorderFrames > bufferedFrames || bufferedFrames > 16) reorderFrames = undefined;
  }
  return reader.isOverrun ? {} : { pixelAspect, frameRate, reorderFrames };
}

/** Table E-1, from aspect_ratio_idc 1. H.265 has the same. */
const PIXEL_ASPECTS: readonly (readonly [number, number])[] = [
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
];
const EXTENDED_ASPECT = 255;

/** The VUI's beginning, which H.265 shares. */
export function readPixelAspect(reader: BitReader): Vui["pixelAspect"] {
  if (!reader.flag()) return undefined;
  const index = reader.bits(8);
  if (index !== EXTENDED_ASPECT) return PIXEL_ASPECTS[index - 1];
  const [width, height] = [reader.bits(16), reader.bits(16)];
  return width === 0 || height === 0 ? undefined : [width, height];
}

/** Range and colours, which H.265 writes alike; decoders read them for themselves. */
export function skipVideoSignalType(reader: BitReader): void {
  if (!reader.flag()) return;
  reader.skip(4);
  if (reader.flag()) reader.skip(24);
}

/** Timing that no camera has is worth less than none. */
export function plausibleFrameRate(framesPerSecond: number): number | undefined {
  return framesPerSecond >= 0.1 && framesPerSecond <= 480 ? framesPerSecond : undefined;
}

function skipHrd(reader: BitReader): boolean {
  const schedules = reader.unsigned() + 1;
  if (schedules > 32) return false;
  reader.skip(8); // scales
  for (let i = 0; i < schedules; i++) {
    reader.unsigned();
    reader.unsigned();
    reader.flag();
  }
  reader.skip(20); // lengths of delays
  return true;
}
