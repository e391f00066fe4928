import { SIZE_BYTES_MAX, readSize, vintBytes } from "./ebml.js";
import { MatroskaError } from "./matroska-error.js";

/*
 * Several frames in one block: the count less one (1 byte), the sizes of all but the last, the frames. The last frame
 * takes what is left.
 *
 * - Xiph: each size as a sum of bytes, of which all but the last are 255.
 * - EBML: the first as a size, each other as the difference to the one before, moved up to be positive.
 * - fixed: no sizes, all frames are of the same.
 */

const NONE = 0;
const XIPH = 1;
const FIXED = 2;

/**
 * The frames of a block, at least one and none empty; views into `data`.
 * @param lacing two bits of the block's flags: none, Xiph, fixed, EBML.
 * @throws {MatroskaError} `malformed`.
 */
export function lacedFrames(lacing: number, data: Buffer, offset: number): Buffer[] {
  if (lacing === NONE) return [data];
  const fail = (what: string): MatroskaError => new MatroskaError("malformed", `lacing: ${what}`, offset);
  const count = data[0]! + 1;
  const { sizes, at } =
    lacing === FIXED
      ? fixedSizes(data, count, fail)
      : lacing === XIPH
        ? xiphSizes(data, count, fail)
        : ebmlSizes(data, count, fail);
  const frames: Buffer[] = [];
  let from = at;
  for (const size of sizes) {
    if (size <= 0 || size > data.length - from) throw fail(`a frame of ${size} bytes`);
    frames.push(data.subarray(from, from + size));
    from += size;
  }
  if (from === data.length) throw fail("an empty frame");
  frames.push(data.subarray(from));
  return frames;
}

type Fail = (what: string) => MatroskaError;
/** The sizes of all frames but the last, and where the first frame begins. */
interface Sizes {
  readonly sizes: readonly number[];
  readonly at: number;
}

function fixedSizes(data: Buffer, count: number, fail: Fail): Sizes {
  const size = (data.length - 1) / count;
  if (!Number.isInteger(size)) throw fail(`${data.length - 1} bytes in ${count} frames of one size`);
  return { sizes: Array<number>(count - 1).fill(size), at: 1 };
}

function xiphSizes(data: Buffer, count: number, fail: Fail): Sizes {
  const sizes: number[] = [];
  let at = 1;
  while (sizes.length < count - 1) {
    let size = 0;
    for (let byte = 255; byte === 255; size += byte) {
      if (at === data.length) throw fail("no size");
      byte = data[at++]!;
    }
    sizes.push(size);
  }
  return { sizes, at };
}

function ebmlSizes(data: Buffer, count: number, fail: Fail): Sizes {
  const sizes: number[] = [];
  let at = 1;
  while (sizes.length < count - 1) {
    const bytes = at < data.length ? vintBytes(data[at]!) : SIZE_BYTES_MAX + 1;
    if (bytes > SIZE_BYTES_MAX || at + bytes > data.length) throw fail("no size");
    const value = readSize(data, at, bytes);
    if (value === undefined) throw fail("an unknown size");
    const before = sizes.at(-1);
    sizes.push(before === undefined ? value : before + value - (2 ** (7 * bytes - 1) - 1));
    at += bytes;
  }
  return { sizes, at };
}
