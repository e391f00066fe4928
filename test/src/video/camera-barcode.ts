import { spawnSync } from "node:child_process";
import { annexBFromFrame, joinByStartCode, parseAvcC } from "@headwater/protocol/h264";

// As docs/reference/device.md says: two rows of 26 blocks of 16 by 16 pixels.
const BLOCK = 16;
const BITS = 24;
const WIDTH = (BITS + 2) * BLOCK;
const HEIGHT = 2 * BLOCK;

export interface Marks {
  readonly frameNumber: number;
  /** Wall time in hundredths of a second, modulo 2^24. */
  readonly clock: number;
}

/** Decodes H.264 with ffmpeg and reads the test pattern's marks from the pixels, a pair for each picture. */
export function marksOf(codecPrivate: Uint8Array, frames: readonly Uint8Array[]): Marks[] {
  const { lengthBytes, spsUnits, ppsUnits } = parseAvcC(codecPrivate);
  const stream = [joinByStartCode([...spsUnits, ...ppsUnits]), ...frames.map((f) => annexBFromFrame(f, lengthBytes))];
  return decode(["-f", "h264", "-i", "-"], Buffer.concat(stream));
}

/** The same of what ffmpeg plays from a URL to its end. */
export function marksAt(url: string): Marks[] {
  return decode(["-i", url]);
}

function decode(from: readonly string[], input?: Buffer): Marks[] {
  const crop = `crop=${WIDTH}:${HEIGHT}:0:0`;
  const to = ["-fps_mode", "passthrough", "-vf", crop, "-pix_fmt", "gray", "-f", "rawvideo", "-"];
  const { status, stdout, stderr } = spawnSync("ffmpeg", ["-v", "error", ...from, ...to], {
    input,
    maxBuffer: 2 ** 30,
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`ffmpeg cannot decode: ${stderr.toString()}`);
  const pictures: Marks[] = [];
  for (let at = 0; at < stdout.length; at += WIDTH * HEIGHT) {
    const picture = stdout.subarray(at, at + WIDTH * HEIGHT);
    pictures.push({ frameNumber: rowOf(picture, 0), clock: fromGray(rowOf(picture, 1)) });
  }
  return pictures;
}

function rowOf(picture: Buffer, row: number): number {
  const blocks = Array.from({ length: BITS + 2 }, (_, column) => {
    return (picture[(row * BLOCK + BLOCK / 2) * WIDTH + column * BLOCK + BLOCK / 2] ?? 0) > 127 ? 1 : 0;
  });
  if (blocks[0] !== 1 || blocks[BITS + 1] !== 0) throw new Error(`row ${row} has no marks: ${blocks.join("")}`);
  return blocks.slice(1, -1).reduce<number>((value, bit) => value * 2 + bit, 0);
}

function fromGray(code: number): number {
  let value = code;
  for (let shift = code >> 1; shift > 0; shift >>= 1) value ^= shift;
  return value;
}
