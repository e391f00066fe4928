import { ElementId } from "./element-id.js";
import { SIZE_BYTES_MAX, elementsOf, readSize, uintOf, vintBytes, type Element } from "./ebml.js";
import { lacedFrames } from "./lacing.js";
import { MatroskaError } from "./matroska-error.js";

/*
 * The content of a SimpleBlock or Block:
 *
 *     track number (variable, as a size), timecode relative to the Cluster (int16, big-endian), flags (1), frames
 *
 * Flags: 0x80 key frame (SimpleBlock only), 0x06 lacing, that is, several frames in one block.
 */
export interface Block {
  readonly track: number;
  readonly relativeTimecode: number;
  /** In units of timecodes, of the whole block. */
  readonly duration: number | undefined;
  readonly isKey: boolean;
  /** One or more, none of them empty; views. */
  readonly frames: readonly Buffer[];
}

/** A BlockGroup has about ten kinds of children; this many are an attempt to keep a reader busy. */
const blockGroupElementsMax = 256;

/** @throws {MatroskaError} `malformed`. */
export function readSimpleBlock(element: Element): Block {
  // No rest and spread: they cost ten times as much as all the rest of a short block.
  const { track, relativeTimecode, flags, frames } = readBlock(element);
  return { track, relativeTimecode, duration: undefined, isKey: (flags & 0x80) !== 0, frames };
}

/**
 * A frame that refers to no other is a key frame.
 * @throws {MatroskaError} `malformed`.
 */
export function readBlockGroup(group: Element): Block {
  let block: ReturnType<typeof readBlock> | undefined;
  let duration: number | undefined;
  let isKey = true;
  for (const element of elementsOf(group, blockGroupElementsMax)) {
    if (element.id === ElementId.block) {
      if (block !== undefined) throw new MatroskaError("malformed", "a BlockGroup with two blocks", element.offset);
      block = readBlock(element);
    } else if (element.id === ElementId.blockDuration) duration = uintOf(element);
    else if (element.id === ElementId.referenceBlock) isKey = false;
  }
  if (block === undefined) throw new MatroskaError("malformed", "a BlockGroup without a block", group.offset);
  const { track, relativeTimecode, frames } = block;
  return { track, relativeTimecode, duration, isKey, frames };
}

function readBlock({ data, offset }: Element): Omit<Block, "duration" | "isKey"> & { readonly flags: number } {
  const trackBytes = data.length === 0 ? SIZE_BYTES_MAX + 1 : vintBytes(data[0]!);
  const framesAt = trackBytes + 3;
  // One byte more than this: a block without a frame is no block.
  if (trackBytes > SIZE_BYTES_MAX || data.length <= framesAt)
    throw new MatroskaError("malformed", "an empty block", offset);
  const track = readSize(data, 0, trackBytes) ?? 0;
  const flags = data[trackBytes + 2]!;
  const frames = lacedFrames((flags >> 1) & 3, data.subarray(framesAt), offset);
  return { track, relativeTimecode: data.readInt16BE(trackBytes), flags, frames };
}
