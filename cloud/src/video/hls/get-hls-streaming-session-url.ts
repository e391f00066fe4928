import { CloudError } from "../../cloud-error.js";
import { enumeration, integer, structure, timestamp, type ValueOf } from "../../codec/shape.js";
import { streamReference } from "../operations/members.js";
import { streamNameOf } from "../operations/stream-reference.js";
import { videoOperation } from "../operations/video-operation.js";
import { FragmentGone } from "../store/read-fragment.js";
import { VideoError } from "../video-error.js";
import type { VideoStream } from "../video-stream.js";
import type { HlsSession } from "./hls-session.js";
import { liveFragment, masterPath } from "./live-sessions.js";
import { FRAGMENTS_MAX, newestOrdinal, selected } from "./session-fragments.js";

/** Source of these: GetHLSStreamingSessionURL, Request Parameters and Errors. */
const EXPIRES_S = { min: 300, max: 43_200 };
const RANGE_MAX_MS = 86_400_000;

const input = structure({
  required: {},
  optional: {
    ...streamReference,
    PlaybackMode: enumeration("LIVE", "LIVE_REPLAY", "ON_DEMAND"),
    HLSFragmentSelector: structure({
      required: {},
      optional: {
        FragmentSelectorType: enumeration("PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"),
        TimestampRange: structure({
          required: {},
          optional: { StartTimestamp: timestamp(), EndTimestamp: timestamp() },
        }),
      },
    }),
    ContainerFormat: enumeration("FRAGMENTED_MP4", "MPEG_TS"),
    DiscontinuityMode: enumeration("ALWAYS", "NEVER", "ON_DISCONTINUITY"),
    DisplayFragmentTimestamp: enumeration("ALWAYS", "NEVER"),
    Expires: integer(EXPIRES_S),
    MaxMediaPlaylistFragmentResults: integer({ min: 1, max: FRAGMENTS_MAX }),
  },
});

export const getHlsStreamingSessionUrl = videoOperation(
  input,
  async (given, { service, sealer, tracks, now }, { endpoint }) => {
    const stream = service.stream(streamNameOf(given, service));
    if (given.ContainerFormat === "MPEG_TS")
      throw invalid("ContainerFormat MPEG_TS is not served; use FRAGMENTED_MP4.");
    if (stream.retentionHours() === 0) {
      throw new VideoError("no-data-retention", `Stream ${stream.name} does not retain data.`);
    }
    const session = sessionOf(given, stream, now());
    const first = session.mode === "LIVE" ? liveFragment(stream, session.createdMs) : selected(session, stream)[0];
    if (first === undefined) throw new CloudError("stream-not-found", "No fragments found in the stream.");
    try {
      await tracks.read(stream, first);
    } catch (error) {
      if (error instanceof FragmentGone) throw new VideoError("fragment-not-found", error.message, { cause: error });
      throw error;
    }
    return { HLSStreamingSessionURL: endpoint + masterPath(sealer, session) };
  },
);

function sessionOf(given: ValueOf<typeof input>, stream: VideoStream, nowMs: number): HlsSession {
  const mode = given.PlaybackMode ?? "LIVE";
  const { FragmentSelectorType: selectorType = "SERVER_TIMESTAMP", TimestampRange } = given.HLSFragmentSelector ?? {};
  const isByServer = selectorType === "SERVER_TIMESTAMP";
  return {
    streamName: stream.name,
    streamId: stream.id,
    mode,
    clock: isByServer ? "serverMs" : "producerMs",
    ...rangeOf(mode, isByServer, nowMs, TimestampRange),
    discontinuity: given.DiscontinuityMode ?? (isByServer ? "ALWAYS" : "NEVER"),
    showsTime: given.DisplayFragmentTimestamp === "ALWAYS",
    fragmentsMax: given.MaxMediaPlaylistFragmentResults ?? (mode === "ON_DEMAND" ? 1000 : 5),
    createdMs: nowMs,
    expiresMs: nowMs + (given.Expires ?? EXPIRES_S.min) * 1000,
    lastOrdinal: newestOrdinal(stream),
  };
}

interface Range {
  readonly StartTimestamp?: number;
  readonly EndTimestamp?: number;
}

/** @throws {CloudError} `argument-invalid` where the range is not what the mode needs. */
function rangeOf(
  mode: HlsSession["mode"],
  isByServer: boolean,
  nowMs: number,
  range: Range | undefined,
): Pick<HlsSession, "startMs" | "endMs"> {
  if (mode === "LIVE") {
    if (range !== undefined) throw invalid("TimestampRange must not be specified when PlaybackMode is LIVE.");
    return { startMs: 0, endMs: Number.MAX_SAFE_INTEGER };
  }
  const { StartTimestamp: startMs, EndTimestamp: endMs } = range ?? {};
  if (startMs === undefined) throw invalid(`StartTimestamp must be specified when PlaybackMode is ${mode}.`);
  if (endMs === undefined) {
    if (mode === "ON_DEMAND") throw invalid("EndTimestamp must be specified when PlaybackMode is ON_DEMAND.");
    return { startMs, endMs: Number.MAX_SAFE_INTEGER };
  }
  if (endMs <= startMs) throw invalid("EndTimestamp must be after StartTimestamp.");
  if (endMs - startMs > RANGE_MAX_MS) throw invalid("EndTimestamp must be within 24 hours of StartTimestamp.");
  if (mode === "ON_DEMAND" && isByServer && endMs > nowMs) throw invalid("EndTimestamp must be in the past.");
  return { startMs, endMs };
}

function invalid(message: string): CloudError {
  return new CloudError("argument-invalid", message);
}
