import { type MediaPart, matroskaBody, putMedia } from "@headwater/gateway/put-media";
import type { WrittenTrack } from "@headwater/protocol/matroska";
import { type CloudAccess, STREAM } from "./rig.js";

/** A frame to be sent. */
export interface FedFrame {
  /** Milliseconds since 1970. */
  readonly timecodeMs: number;
  readonly isKey: boolean;
  readonly data: Buffer;
}

export interface Feed {
  readonly track: WrittenTrack;
  /** Each when it is to be sent. */
  readonly frames: AsyncIterable<FedFrame>;
  /** Just before a frame goes to the connection. */
  readonly onSending?: (frame: FedFrame) => void;
  readonly onPersisted?: () => void;
  readonly signal?: AbortSignal;
}

/**
 * Feeds PutMedia as a camera's gateway does: each frame at once, the end of a fragment when the next key frame is there.
 * Resolves when all is acknowledged.
 * @throws {PutMediaError}, or the signal's reason.
 */
export async function feedPutMedia(cloud: CloudAccess, feed: Feed): Promise<void> {
  const { signal, onPersisted } = feed;
  const options = { ...cloud, streamName: STREAM, ...(signal === undefined ? {} : { signal }) };
  const body = matroskaBody({ tracks: [feed.track], writingApp: "headwater bench" }, parts(feed));
  for await (const ack of putMedia(options, body)) {
    if (ack.event === "PERSISTED") onPersisted?.();
    if (ack.event === "ERROR") throw new Error(ack.errorCode);
  }
}

async function* parts({ track, frames, onSending }: Feed): AsyncGenerator<MediaPart> {
  let fragmentMs: number | undefined;
  for await (const frame of frames) {
    const { timecodeMs, isKey, data } = frame;
    if (isKey) {
      if (fragmentMs !== undefined) yield { kind: "fragmentEnd" };
      fragmentMs = timecodeMs;
      yield { kind: "fragment", timecodeMs };
    }
    if (fragmentMs === undefined) continue;
    onSending?.(frame);
    yield { kind: "frame", track: track.number, relativeTimecode: timecodeMs - fragmentMs, isKey, data };
  }
  yield { kind: "fragmentEnd" };
}
