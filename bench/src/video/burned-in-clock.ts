// The clock of the device's test pattern (docs/reference/device.md, "The test pattern"): the lower of two rows of blocks,
// 16 pixels wide and high, in the upper left corner. White, 24 bits of the wall time in hundredths of a second as a Gray
// code, highest first, black.

export const BLOCK_PIXELS = 16;
const BITS = 24;
export const BLOCKS = BITS + 2;
/** The height of the blocks' middle in the picture. */
export const CLOCK_ROW_Y = BLOCK_PIXELS + BLOCK_PIXELS / 2;

/**
 * How old a picture is.
 * @param blocks as read from it, the first the highest of {@link BLOCKS} bits, white for 1.
 * @param wallMs when it was looked at.
 * @returns milliseconds, up to 10 too many; undefined where the blocks are no clock.
 */
export function pictureAgeMs(blocks: number, wallMs: number): number | undefined {
  if (blocks >> (BLOCKS - 1) !== 1 || (blocks & 1) !== 0) return undefined;
  let hundredths = (blocks >> 1) & (2 ** BITS - 1);
  for (let shift = hundredths >> 1; shift > 0; shift >>= 1) hundredths ^= shift;
  const range = 2 ** BITS;
  const age = (((wallMs / 10 - hundredths) % range) + range) % range;
  // A clock that is a little ahead must not read as two days behind.
  return (age > range / 2 ? age - range : age) * 10;
}
