import {
  encodePiece,
  encodeVideoEnvelope,
  lanes,
  type VideoPiece,
  videoClientId,
  videoTopic,
} from "@headwater/protocol";
import type { WrittenTrack } from "@headwater/protocol/matroska";
import { Refusal } from "../../gateway-error.js";
import type { Ingest } from "../../ingest/ingest.js";
import { Session } from "../../listener/session.js";

const SPOOL_ID = "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d";
export const DEVICE = "cam";
export const VIDEO_TRACK: WrittenTrack = {
  number: 1,
  type: "video",
  codecId: "V_MPEG4/ISO/AVC",
  language: "und",
  codecPrivate: Buffer.from("avcC"),
  video: { width: 640, height: 360 },
};

export interface CameraFragment {
  readonly producerMs: number;
  /** The data of each frame, 40 ms apart; the first is a key frame. */
  readonly frames: readonly string[];
  readonly tracks?: readonly WrittenTrack[];
}

/** A fragment's pieces: one frame each, and long ones over several; the end is told in a piece of its own. */
export function piecesOf(fragment: number, given: CameraFragment, sliceBytes = 8): VideoPiece[] {
  const { producerMs, frames, tracks = [VIDEO_TRACK] } = given;
  const slices = frames.flatMap((text, i) => {
    const data = Buffer.from(text);
    const offsets = Array.from({ length: Math.ceil(data.length / sliceBytes) }, (_, n) => n * sliceBytes);
    return offsets.map((offset) => ({
      track: 1,
      isKey: i === 0,
      timeMs: i * 40,
      frameBytes: data.length,
      offset,
      data: data.subarray(offset, offset + sliceBytes),
    }));
  });
  const common = { stream: "door", fragment, clockUnsynchronised: false, producerMs };
  // The first piece takes a slice only where that is a whole frame's beginning, which it always is here.
  return [...slices.map((slice) => [slice]), []].map((of, index) => ({
    ...common,
    index,
    isLast: of.length === 0,
    ...(index === 0 ? { tracks } : {}),
    slices: of,
  }));
}

/** A device that keeps its pieces until they are acknowledged, and sends them again on every new connection. */
export class Camera {
  readonly #pieces: { readonly piece: VideoPiece; readonly lane: number }[] = [];
  #acknowledged = 0;
  #fragments = 0;

  /** Captures a fragment. */
  capture(fragment: CameraFragment, lane: number = lanes.videoLive): void {
    for (const piece of piecesOf(this.#fragments, fragment)) this.#pieces.push({ piece, lane });
    this.#fragments++;
  }

  get isDone(): boolean {
    return this.#acknowledged === this.#pieces.length;
  }

  /** One connection: sends up to `count` pieces from the first unacknowledged on, without waiting in between. */
  async connect(ingest: Ingest, count = Infinity): Promise<void> {
    const session = new Session(videoClientId(DEVICE), DEVICE, undefined);
    const from = this.#acknowledged;
    const answers = this.#pieces.slice(from, from + count).map(async ({ piece, lane }, i) => {
      const sequence = from + i;
      const payload = encodeVideoEnvelope({ spoolId: SPOOL_ID, lane, sequence, piece: encodePiece(piece) });
      try {
        await ingest.publish(session, videoTopic(DEVICE), payload);
        this.#acknowledged = Math.max(this.#acknowledged, sequence + 1);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
    });
    await Promise.all(answers);
  }

  /** Forgets its last acknowledgements, as if they had not arrived. */
  forget(count: number): void {
    this.#acknowledged = Math.max(0, this.#acknowledged - count);
  }
}
