import type { StoredFrame } from "@headwater/log";
import { decodePiece, encodePiece, encodeVideoEnvelope, type VideoPiece } from "@headwater/protocol";
import type { Capture, CaptureTime } from "../../clock/clock-era.js";

/** A piece as it lies in a camera's archive. The origin of its frame of the log has spool id and sequence. */
export interface StoredPiece {
  readonly position: number;
  readonly spoolId: string;
  /** Of the envelope that carries it; a fragment's number is the sequence of its first piece. */
  readonly sequence: number;
  /** When the fragment's key frame was captured, and what the wall clock made of it then. */
  readonly capture: Capture;
  readonly wallMs: number;
  /** Its producer time is 0: what it is, is said when it is sent. */
  readonly piece: VideoPiece;
}

/*
 *     offset  size
 *      0      1   version, 1
 *      1      3   zero
 *      4      4   boot
 *      8      8   monotonic ms of the fragment's key frame within that boot, float64
 *     16      8   wall time by the clock of then, ms since 1970, float64
 *     24      .   the piece (protocol/src/uplink/piece.ts) without producer time
 *
 * All numbers are little-endian.
 */
const VERSION = 1;
const HEADER_BYTES = 24;

/** The parts of the frame's data. @throws {UplinkError} as {@link encodePiece} does. */
export function encodeStoredPiece({
  capture,
  wallMs,
  piece,
}: Pick<StoredPiece, "capture" | "wallMs" | "piece">): Buffer[] {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(VERSION, 0);
  header.writeUInt32LE(capture.boot, 4);
  header.writeDoubleLE(capture.monotonicMs, 8);
  header.writeDoubleLE(wallMs, 16);
  return [header, encodePiece(piece)];
}

/** The piece's slices are views into the frame. @throws {TypeError} of a frame that no archive wrote. */
export function decodeStoredPiece({ position, origin, data }: StoredFrame): StoredPiece {
  if (origin === undefined || data.length < HEADER_BYTES || data.readUInt8(0) !== VERSION) {
    throw new TypeError(`position ${position} of a video archive holds no piece`);
  }
  return {
    position,
    spoolId: origin.spoolId,
    sequence: origin.request,
    capture: { boot: data.readUInt32LE(4), monotonicMs: data.readDoubleLE(8) },
    wallMs: data.readDoubleLE(16),
    piece: decodePiece(data.subarray(HEADER_BYTES)),
  };
}

/** The payload of the message that carries a piece. @param time undefined where nobody knows any more. */
export function encodeMessage(stored: StoredPiece, lane: number, time: CaptureTime | undefined): Buffer {
  const { captureMs, clockUnsynchronised } = time ?? { captureMs: stored.wallMs, clockUnsynchronised: true };
  const producerMs = Math.round(Math.max(captureMs, 0));
  const piece = encodePiece({ ...stored.piece, producerMs, clockUnsynchronised });
  return encodeVideoEnvelope({ spoolId: stored.spoolId, lane, sequence: stored.sequence, piece });
}
