import { CloudError } from "../../cloud-error.js";
import type { TokenSealer } from "../../streams/sealed-token.js";
import { VideoError } from "../video-error.js";
import type { VideoService } from "../video-service.js";
import type { VideoStream } from "../video-stream.js";

export type PlaybackMode = "LIVE" | "LIVE_REPLAY" | "ON_DEMAND";
export type DiscontinuityMode = "ALWAYS" | "NEVER" | "ON_DISCONTINUITY";

/** What a session's URL stands for. All of it is in the token, so sessions survive a restart and cost no memory. */
export interface HlsSession {
  readonly streamName: string;
  readonly streamId: string;
  readonly mode: PlaybackMode;
  /** By which of a fragment's times it is selected, ordered and dated. */
  readonly clock: "producerMs" | "serverMs";
  /** Fragments that begin from here to {@link endMs}, both included. Of no meaning in LIVE. */
  readonly startMs: number;
  readonly endMs: number;
  readonly discontinuity: DiscontinuityMode;
  readonly showsTime: boolean;
  readonly fragmentsMax: number;
  readonly createdMs: number;
  readonly expiresMs: number;
  /** The newest fragment there was when the session was made. */
  readonly lastOrdinal: number;
}

const PURPOSE = "hls-session";

export function sealSession(sealer: TokenSealer, session: HlsSession): string {
  return sealer.seal(PURPOSE, [
    session.streamName,
    session.streamId,
    session.mode,
    session.clock,
    session.startMs,
    session.endMs,
    session.discontinuity,
    Number(session.showsTime),
    session.fragmentsMax,
    session.createdMs,
    session.expiresMs,
    session.lastOrdinal,
  ]);
}

/** @throws {VideoError} `session-invalid` where the token is not ours, `session-expired`. */
export function openSession(sealer: TokenSealer, token: string, nowMs: number): HlsSession {
  const fields = sealer.open(PURPOSE, token);
  if (fields === undefined) throw new VideoError("session-invalid", "The session token is not valid.");
  const [streamName, streamId, mode, clock, startMs, endMs, discontinuity, showsTime, ...numbers] = fields as [
    string,
    string,
    PlaybackMode,
    HlsSession["clock"],
    number,
    number,
    DiscontinuityMode,
    number,
    number,
    number,
    number,
    number,
  ];
  const [fragmentsMax, createdMs, expiresMs, lastOrdinal] = numbers;
  if (nowMs >= expiresMs) throw new VideoError("session-expired", "The session has expired.");
  const range = { clock, startMs, endMs, lastOrdinal };
  const shown = { discontinuity, showsTime: showsTime !== 0, fragmentsMax };
  return { streamName, streamId, mode, ...range, ...shown, createdMs, expiresMs };
}

/** @throws {CloudError} `stream-not-found`, also where another stream has the name now. */
export function streamOf({ streamName, streamId }: HlsSession, service: VideoService): VideoStream {
  const stream = service.stream(streamName);
  if (stream.id !== streamId) throw new CloudError("stream-not-found", `Stream ${streamName} is not found.`);
  return stream;
}
