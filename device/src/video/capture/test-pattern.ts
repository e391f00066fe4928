/**
 * The test pattern's marks: two rows of blocks in the upper left corner, which a program can read from the picture, and
 * the local time for people. A row has 26 blocks of 16 by 16 pixels: a white one, 24 bits with the highest first (white
 * is 1), a black one. The upper row is the frame's number since the capture began. The lower row is the wall time of its
 * making in hundredths of a second, modulo 2^24, as a Gray code: its bits are drawn one after the other, and of a Gray
 * code a time between two values reads as one of them.
 */
const BLOCK_PIXELS = 16;
const BITS = 24;

/** The least width of a picture that has room for the marks. */
export const TEST_PATTERN_WIDTH_MIN = (BITS + 2) * BLOCK_PIXELS;

/** A filter of ffmpeg's that draws the marks over a picture. */
export function testPatternFilter(): string {
  const bits = Array.from({ length: BITS }, (_, i) => BITS - 1 - i);
  // Without the remainder the bit above the highest would turn that one over, for two days in four.
  const hundredths = `mod(floor(time(0)*100)\\,${2 ** BITS})`;
  return [
    `drawbox=x=0:y=0:w=${TEST_PATTERN_WIDTH_MIN}:h=${2 * BLOCK_PIXELS}:color=black:t=fill`,
    block(0, 0, "1"),
    ...bits.map((bit, i) => block(i + 1, 0, `mod(floor(n/${2 ** bit})\\,2)`)),
    block(0, 1, "1"),
    ...bits.map((bit, i) => block(i + 1, 1, `mod(floor((${hundredths}+${2 ** bit})/${2 ** (bit + 1)})\\,2)`)),
    `drawtext=text='%{localtime}':x=${BLOCK_PIXELS}:y=${4 * BLOCK_PIXELS}:fontsize=h/10:fontcolor=white:box=1:boxcolor=black`,
  ].join(",");
}

function block(column: number, row: number, isWhite: string): string {
  const [x, y] = [column * BLOCK_PIXELS, row * BLOCK_PIXELS];
  return `drawbox=x=${x}:y=${y}:w=${BLOCK_PIXELS}:h=${BLOCK_PIXELS}:color=white:t=fill:enable='${isWhite}'`;
}
