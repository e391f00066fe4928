import type { Frame } from "@headwater/log";
import { lanes } from "@headwater/protocol";
import type { CutPiece } from "../fragment/fragment-cutter.js";
import { encodeStoredPiece, type StoredPiece } from "./stored-piece.js";

/** A fragment whose last piece is not stored. */
export interface OpenFragment extends Pick<StoredPiece, "capture" | "wallMs"> {
  readonly fragment: number;
  /** The index that its next piece gets. */
  readonly index: number;
}

export interface Numbering {
  readonly device: string;
  readonly stream: string;
  readonly spoolId: string;
  /** The boot's ordinal. */
  readonly boot: number;
  /** Wall time minus monotonic time. */
  readonly offsetMs: number;
  /** Of the first frame; the others follow. There are at most {@link sequencesFor}. */
  readonly sequence: number;
}

export interface NumberedPieces {
  /** For the log. */
  readonly frames: readonly Frame[];
  /** What is open after them. */
  readonly open: OpenFragment | undefined;
  /** Which of the frames is the newest fragment's first, where one of them is. */
  readonly newestStart: number | undefined;
}

/** How many sequences pieces may take: each may come with the end of a fragment that was left open. */
export function sequencesFor(pieces: readonly CutPiece[]): number {
  return 2 * pieces.length + 1;
}

/**
 * Gives pieces their sequences and their fragments' numbers. A fragment that was left open is ended by a piece without
 * slices before the next begins; of no pieces at all, it is ended now.
 * @throws {UplinkError} of a piece that breaks the rules of pieces.
 */
export function numberPieces(
  pieces: readonly CutPiece[],
  open: OpenFragment | undefined,
  by: Numbering,
): NumberedPieces {
  const { stream, spoolId, boot, offsetMs, device: producer } = by;
  const frames: Frame[] = [];
  let newestStart: number | undefined;
  const add = (of: OpenFragment, piece: Pick<CutPiece, "isLast" | "slices" | "tracks">): void => {
    const { fragment, index, capture, wallMs } = of;
    const origin = { producer, spoolId, request: by.sequence + frames.length, entry: lanes.videoLive };
    const whole = { clockUnsynchronised: false, producerMs: 0, stream, fragment, index, ...piece };
    frames.push({ origin, data: encodeStoredPiece({ capture, wallMs, piece: whole }) });
  };
  const endOpen = (): void => {
    if (open !== undefined) add(open, { isLast: true, slices: [] });
    open = undefined;
  };
  if (pieces.length === 0) endOpen();
  for (const { fragmentMs, index, isLast, slices, tracks } of pieces) {
    if (index === 0) {
      endOpen();
      newestStart = frames.length;
      const fragment = by.sequence + frames.length;
      open = { fragment, index, capture: { boot, monotonicMs: fragmentMs }, wallMs: offsetMs + fragmentMs };
    }
    if (open?.index !== index) throw new TypeError(`piece ${index} follows no piece ${index - 1}`);
    add(open, { isLast, slices, ...(tracks === undefined ? {} : { tracks }) });
    open = isLast ? undefined : { ...open, index: index + 1 };
  }
  return { frames, open, newestStart };
}
