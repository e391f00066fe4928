import type { ServerResponse } from "node:http";
import type { Log } from "@headwater/log";
import { initSegment } from "@headwater/protocol/mp4";
import { CloudError } from "../../cloud-error.js";
import { BodyBudget } from "../../http/body-budget.js";
import type { VideoContext } from "../operations/index.js";
import { fragmentNumber, positionOf } from "../store/fragment-number.js";
import type { PublishedFragment } from "../store/fragment.js";
import { VideoError } from "../video-error.js";
import type { VideoStream } from "../video-stream.js";
import { type HlsSession, openSession, streamOf } from "./hls-session.js";
import type { LiveTail } from "./live-tail.js";
import { type Awaited, LowLatencyReader, type LowLatencyRequest } from "./low-latency.js";
import { masterPlaylist } from "./master-playlist.js";
import { mediaPlaylist, type MediaUrls } from "./media-playlist.js";
import type { PlayableTrack, PlayableTracks } from "./playable-tracks.js";
import { mayShow, type SessionFragments, SessionFragmentsReader } from "./session-fragments.js";
import { trackSegment } from "./track-segment.js";

/** An answer to a player, whole. */
export interface HlsResource {
  readonly contentType: string;
  readonly cacheControl: string;
  readonly body: Buffer;
}

export interface HlsResourcesOptions {
  readonly context: VideoContext;
  readonly log: Log;
}

/** One request, its token read. */
interface Asked {
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
  readonly session: HlsSession;
  readonly stream: VideoStream;
  readonly nowMs: number;
}

interface ResourceKind {
  readonly operation: string;
  read(asked: Asked): Promise<HlsResource>;
}

const PLAYLIST = "application/vnd.apple.mpegurl";
/** Segments in memory, apart from what requests bring: players that do not read hold up no producer. */
const SEGMENTS = { bytesMax: 256 << 20, waitMs: 20_000, waitingMax: 1000 };
/** Requests of low-latency players under way; each may be held for a minute. */
const HELD_MAX = 5000;

/** What a session's URLs lead to. */
export class HlsResources {
  readonly #options: HlsResourcesOptions;
  readonly #fragments = new SessionFragmentsReader();
  readonly #lowLatency: LowLatencyReader;
  /** Requests that may be held until something comes. */
  readonly #held = new Set<AbortController>();
  readonly #memory = new BodyBudget(SEGMENTS);
  readonly #kinds: ReadonlyMap<string, ResourceKind> = new Map([
    ["getHLSMasterPlaylist.m3u8", { operation: "GetHLSMasterPlaylist", read: (asked) => this.#master(asked) }],
    ["getHLSMediaPlaylist.m3u8", { operation: "GetHLSMediaPlaylist", read: (asked) => this.#media(asked) }],
    ["getMP4InitFragment.mp4", { operation: "GetMP4InitFragment", read: (asked) => this.#init(asked) }],
    ["getMP4MediaFragment.mp4", { operation: "GetMP4MediaFragment", read: (asked) => this.#segment(asked) }],
  ]);

  constructor(options: HlsResourcesOptions) {
    this.#options = options;
    this.#lowLatency = new LowLatencyReader(options.log, options.context.tracks);
  }

  /** Answers what is held at once. */
  stopWaiting(): void {
    for (const held of this.#held) held.abort();
  }

  /** What a file of that name is called among the operations; undefined where there is none. */
  operationOf(name: string): string | undefined {
    return this.#kinds.get(name)?.operation;
  }

  /** @throws {CloudError} @throws {VideoError} @throws {FragmentGone} @throws {LogError} */
  async read(name: string, query: URLSearchParams, response: ServerResponse): Promise<HlsResource> {
    const kind = this.#kinds.get(name);
    if (kind === undefined) throw new CloudError("operation-unknown", "There is no such file.");
    const { sealer, service, now } = this.#options.context;
    const nowMs = now();
    const session = openSession(sealer, query.get("SessionToken") ?? "", nowMs);
    return kind.read({ query, response, session, stream: streamOf(session, service), nowMs });
  }

  async #master(asked: Asked): Promise<HlsResource> {
    const { shown } = this.#shown(asked);
    const newest = shown.at(-1)?.fragment;
    const tracks = await this.#tracks(asked.stream, newest);
    const text = masterPlaylist(tracks, shown, (number) => urlTo("getHLSMediaPlaylist.m3u8", asked, number));
    return playlist(asked, text);
  }

  async #media(asked: Asked): Promise<HlsResource> {
    const { session, query, stream } = asked;
    const { number } = trackOf(query, await this.#tracks(stream, this.#shown(asked).shown.at(-1)?.fragment));
    const request = this.#lowLatencyRequest(asked, number);
    const { fragments, lowLatency } =
      request === undefined
        ? { fragments: this.#shown(asked), lowLatency: undefined }
        : await this.#lowLatency.current(request, () => this.#shown(asked, request.tail), awaitedOf(query));
    const mediaUrl = ({ begin }: { readonly begin: number }): string => {
      const named = fragmentNumber(stream.numberPrefix, begin);
      return `${urlTo("getMP4MediaFragment.mp4", asked, number)}&FragmentNumber=${named}`;
    };
    const urls: MediaUrls = {
      // What is asked for by the number is an init by its checksum: it holds for as long as a fragment with it is there.
      init: ({ initCrc }) => `${urlTo("getMP4InitFragment.mp4", asked, number)}&SequenceNumber=${initCrc}`,
      media: mediaUrl,
      part: (fragment, index) => `${mediaUrl(fragment)}&Part=${index}`,
    };
    return playlist(asked, mediaPlaylist(session, fragments, urls, lowLatency));
  }

  async #init(asked: Asked): Promise<HlsResource> {
    const { query, session, stream } = asked;
    const initCrc = Number(needed(query, "SequenceNumber"));
    const fragment = stream.store
      .published(stream.horizonMs())
      .findLast((one) => one.initCrc === initCrc && mayShow(session, one));
    const coming = this.#lowLatency.tailOf(session, stream)?.fragments.find((one) => one.initCrc === initCrc);
    const track = trackOf(query, await this.#tracks(stream, fragment ?? coming));
    return lasting(asked, track, initSegment(track.mp4));
  }

  async #segment(asked: Asked): Promise<HlsResource> {
    const { query, response, session, stream } = asked;
    const named = needed(query, "FragmentNumber");
    if (query.has("Part")) return this.#part(asked, positionOf(stream.numberPrefix, named));
    const fragment = stream.store.at(positionOf(stream.numberPrefix, named), stream.horizonMs());
    if (fragment === undefined || !mayShow(session, fragment)) throw notFound();
    const track = trackOf(query, await this.#tracks(stream, fragment));
    await this.#takeMemory(fragment.bytes, response);
    // Behind a discontinuity hls.js takes the first decode time for the beginning; where every fragment has one, and frames
    // are reordered, each would be shown late and leave a hole. Parts are of one timeline with the segments beside them.
    const hasLeadIn = session.discontinuity !== "ALWAYS" || this.#lowLatency.tailOf(session, stream) !== undefined;
    return lasting(asked, track, await trackSegment(this.#options.log, stream, fragment, track, hasLeadIn));
  }

  async #part(asked: Asked, begin: number): Promise<HlsResource> {
    const request = this.#lowLatencyRequest(asked, Number(needed(asked.query, "TrackNumber")));
    if (request === undefined) throw notFound();
    const body = await this.#lowLatency.part(request, {
      begin,
      index: Number(needed(asked.query, "Part")),
      takeMemory: (bytes) => this.#takeMemory(bytes, asked.response),
    });
    if (body === undefined) throw notFound();
    const newest = this.#shown(asked).shown.at(-1)?.fragment;
    return lasting(asked, trackOf(asked.query, await this.#tracks(asked.stream, newest)), body);
  }

  /** Until the answer has left. @throws {CloudError} `server-busy`, `request-incomplete`. */
  async #takeMemory(bytes: number, response: ServerResponse): Promise<void> {
    const release = await this.#memory.take(bytes, response);
    if (response.closed) release();
    else response.once("close", release);
  }

  #lowLatencyRequest({ session, stream, response }: Asked, trackNumber: number): LowLatencyRequest | undefined {
    const tail = this.#lowLatency.tailOf(session, stream);
    if (tail === undefined) return undefined;
    if (this.#held.size >= HELD_MAX) throw new CloudError("server-busy", `${HELD_MAX} players wait already.`);
    const gone = new AbortController();
    this.#held.add(gone);
    response.once("close", () => {
      this.#held.delete(gone);
      gone.abort();
    });
    return { stream, tail, trackNumber, gone: gone.signal };
  }

  /** @throws {VideoError} `fragment-not-found` where there is nothing to show. */
  #shown({ session, stream, nowMs }: Asked, tail?: LiveTail): SessionFragments {
    const fragments = this.#fragments.read(session, stream, nowMs, tail);
    if (fragments === undefined) throw notFound();
    return fragments;
  }

  async #tracks(
    stream: VideoStream,
    fragment: Pick<PublishedFragment, "id" | "begin" | "initCrc"> | undefined,
  ): Promise<PlayableTracks> {
    if (fragment === undefined) throw notFound();
    return this.#options.context.tracks.read(stream, fragment);
  }
}

/** @throws {CloudError} `argument-invalid`. @throws {VideoError} `fragment-not-found` where the fragment has no such track. */
function trackOf(query: URLSearchParams, { video, audio }: PlayableTracks): PlayableTrack {
  const number = Number(needed(query, "TrackNumber"));
  const track = [video, audio].find((one) => one?.number === number);
  if (track === undefined) throw new VideoError("fragment-not-found", `There is no track ${number} to play.`);
  return track;
}

/** @throws {CloudError} `argument-invalid` where it is missing or no number. */
function needed(query: URLSearchParams, name: string): string {
  const value = query.get(name) ?? "";
  if (!/^\d{1,128}$/.test(value)) throw new CloudError("argument-invalid", `${name} must be a number.`);
  return value;
}

/** @throws {CloudError} `argument-invalid`. */
function awaitedOf(query: URLSearchParams): Awaited | undefined {
  if (!query.has("_HLS_msn")) return undefined;
  const part = query.has("_HLS_part") ? Number(needed(query, "_HLS_part")) : undefined;
  return { sequence: Number(needed(query, "_HLS_msn")), part };
}

function urlTo(name: string, { query }: Asked, trackNumber: number): string {
  const token = encodeURIComponent(query.get("SessionToken") ?? "");
  return `${name}?SessionToken=${token}&TrackNumber=${trackNumber}`;
}

/** A playlist changes, but for one that is of the past. */
function playlist(asked: Asked, text: string): HlsResource {
  const cacheControl = asked.session.mode === "ON_DEMAND" ? untilExpiry(asked) : "no-store";
  return { contentType: PLAYLIST, cacheControl, body: Buffer.from(text) };
}

/** What a URL with that token means never changes. */
function lasting(asked: Asked, { mp4 }: PlayableTrack, body: Buffer): HlsResource {
  return { contentType: `${mp4.kind}/mp4`, cacheControl: `${untilExpiry(asked)}, immutable`, body };
}

function untilExpiry({ session, nowMs }: Asked): string {
  return `private, max-age=${Math.max(0, Math.floor((session.expiresMs - nowMs) / 1000))}`;
}

function notFound(): VideoError {
  return new VideoError("fragment-not-found", "There is no such fragment.");
}
