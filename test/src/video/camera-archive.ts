import { join } from "node:path";
import { nodeDisk, openLog } from "@headwater/log";
import { decodePiece, type VideoPiece } from "@headwater/protocol";

/** What comes before the piece in a frame of the device's video log. */
const STORED_HEADER_BYTES = 24;

/** A frame put together again. */
export interface ArchivedFrame {
  readonly track: number;
  readonly isKey: boolean;
  readonly timeMs: number;
  readonly data: Buffer;
}

/** A piece, and when its fragment's key frame was captured: monotonic ms of the device's boot. */
export interface JournaledPiece extends VideoPiece {
  readonly capturedMs: number;
}

export interface ArchivedFragment {
  readonly fragment: number;
  readonly capturedMs: number;
  readonly tracks: NonNullable<VideoPiece["tracks"]>;
  readonly frames: readonly ArchivedFrame[];
  readonly isEnded: boolean;
}

/** Every piece that a device, which must have stopped, keeps of a camera; oldest first. */
export async function piecesOf(data: string, stream: string): Promise<JournaledPiece[]> {
  const log = await openLog({ directory: join(data, "video", "log"), disk: nodeDisk(), clock: { now: Date.now } });
  try {
    const shard = `camera/${stream}`;
    const pieces: JournaledPiece[] = [];
    let { first: position } = log.bounds(shard);
    while (position < log.bounds(shard).next) {
      const { frames, next } = await log.read(shard, position, { frames: 1000, bytes: 2 ** 24 });
      for (const { data } of frames) {
        const piece = decodePiece(Buffer.from(data.subarray(STORED_HEADER_BYTES)));
        pieces.push({ ...piece, capturedMs: data.readDoubleLE(8) });
      }
      position = next;
    }
    return pieces;
  } finally {
    await log.close();
  }
}

/** Puts pieces together as fragments; throws where they don't fit together. */
export function fragmentsOf(pieces: readonly JournaledPiece[]): ArchivedFragment[] {
  const fragments: ArchivedFragment[] = [];
  for (const { fragment, capturedMs, index, isLast, slices, tracks } of pieces) {
    const open = fragments.at(-1);
    const isNext = open?.fragment === fragment && !open.isEnded;
    if (index === 0 ? tracks === undefined : !isNext) throw new Error(`piece ${index} of ${fragment} fits nowhere`);
    const frames = index === 0 || open === undefined ? [] : [...open.frames];
    for (const { track, isKey, timeMs, frameBytes, offset, data } of slices) {
      const begun = offset === 0 ? { track, isKey, timeMs, data: Buffer.alloc(0) } : frames.pop();
      if (begun?.data.length !== offset) throw new Error(`a slice at ${offset} of ${frameBytes} fits nowhere`);
      frames.push({ ...begun, data: Buffer.concat([begun.data, data]) });
    }
    if (index === 0) fragments.push({ fragment, capturedMs, tracks: tracks ?? [], frames, isEnded: isLast });
    else if (open !== undefined) fragments[fragments.length - 1] = { ...open, frames, isEnded: isLast };
  }
  return fragments;
}
