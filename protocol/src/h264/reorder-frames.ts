/**
 * How many frames may precede a frame in decode order and follow it in output order.
 *
 * What the stream states is taken. Where it states nothing the standard allows as many as the level's picture buffer
 * holds, which would delay decoding by up to 16 frames for cameras that reorder none. So two facts narrow it: types and
 * profiles that cannot reorder, and that a frame decoded ahead of its turn is there to be referred to, together with
 * at least one frame from before. An encoder that breaks the second gets composition offsets below zero, not an error.
 */
export function reorderFramesOf(sps: {
  readonly profile: number;
  readonly constraints: number;
  readonly level: number;
  readonly pocType: number;
  readonly referenceFrames: number;
  /** Macroblocks of a frame. */
  readonly frameInMbs: number;
  /** max_num_reorder_frames, where the VUI has it. */
  readonly stated: number | undefined;
}): number {
  const { profile, constraints, level, pocType, referenceFrames, frameInMbs, stated } = sps;
  const isIntraOnly = (constraints & CONSTRAINT_SET_3) !== 0 && INTRA_PROFILES.has(profile);
  if (pocType === 2 || profile === BASELINE || isIntraOnly) return 0;
  if (stated !== undefined) return stated;
  const isLevel1b = level === 11 && (constraints & CONSTRAINT_SET_3) !== 0 && !INTRA_PROFILES.has(profile);
  const bufferInMbs = isLevel1b ? 396 : (BUFFERS_IN_MBS.find(([upTo]) => level <= upTo)?.[1] ?? LARGEST_BUFFER_IN_MBS);
  const bufferedFrames = Math.min(16, Math.floor(bufferInMbs / frameInMbs));
  return Math.max(0, Math.min(bufferedFrames, referenceFrames - 1));
}

const BASELINE = 66;
const CONSTRAINT_SET_3 = 0x10;
/** With constraint_set3_flag these are their intra-only variants. */
const INTRA_PROFILES = new Set([44, 86, 100, 110, 118, 122, 128, 134, 244]);

/** MaxDpbMbs of table A-1 by the highest level that has it. */
const BUFFERS_IN_MBS: readonly (readonly [level: number, macroblocks: number])[] = [
  [10, 396],
  [11, 900],
  [20, 2376],
  [21, 4752],
  [30, 8100],
  [31, 18_000],
  [32, 20_480],
  [41, 32_768],
  [42, 34_816],
  [50, 110_400],
  [52, 184_320],
];
const LARGEST_BUFFER_IN_MBS = 696_320;
