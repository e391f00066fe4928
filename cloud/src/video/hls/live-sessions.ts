import type { TokenSealer } from "../../streams/sealed-token.js";
import type { PublishedFragment } from "../store/fragment.js";
import type { VideoService } from "../video-service.js";
import type { VideoStream } from "../video-stream.js";
import { type HlsSession, sealSession } from "./hls-session.js";
import { newestOrdinal } from "./session-fragments.js";

/** Source: GetHLSStreamingSessionURL, ResourceNotFoundException. */
const SILENCE_MAX_MS = 30_000;
const LIFE_MS = 12 * 3_600_000;

/** A stream that is live now, and a session that shows it. */
export interface LiveSession {
  readonly name: string;
  /** Path and query of the master playlist. */
  readonly path: string;
}

export interface LiveSessionsOptions {
  readonly service: VideoService;
  readonly sealer: TokenSealer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Sessions for who may look without signing, which is for the caller to know. By name, at most so many. */
export function liveSessions({ service, sealer, now }: LiveSessionsOptions, countMax: number): LiveSession[] {
  const nowMs = now();
  const sessions: LiveSession[] = [];
  for (const { name, status } of service.list()) {
    if (sessions.length >= countMax) break;
    const stream = status === "ACTIVE" ? service.stream(name) : undefined;
    if (stream === undefined || stream.retentionHours() === 0 || liveFragment(stream, nowMs) === undefined) continue;
    const session: HlsSession = {
      streamName: name,
      streamId: stream.id,
      mode: "LIVE",
      clock: "producerMs",
      startMs: 0,
      endMs: Number.MAX_SAFE_INTEGER,
      discontinuity: "ON_DISCONTINUITY",
      showsTime: true,
      fragmentsMax: 5,
      createdMs: nowMs,
      expiresMs: nowMs + LIFE_MS,
      lastOrdinal: newestOrdinal(stream),
    };
    sessions.push({ name, path: masterPath(sealer, session) });
  }
  return sessions;
}

/** Where a session begins. */
export function masterPath(sealer: TokenSealer, session: HlsSession): string {
  return `/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken=${encodeURIComponent(sealSession(sealer, session))}`;
}

/** The newest fragment that was not sent late, if something came in the last half minute. */
export function liveFragment(stream: VideoStream, nowMs: number): PublishedFragment | undefined {
  const newest = stream.store.newestLive(stream.horizonMs());
  return newest !== undefined && newest.serverMs + newest.durationMs >= nowMs - SILENCE_MAX_MS ? newest : undefined;
}
