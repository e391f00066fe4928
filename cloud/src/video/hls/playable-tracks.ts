import type { Log } from "@headwater/log";
import { clusterStart, MatroskaReader, type MatroskaTrack } from "@headwater/protocol/matroska";
import { Mp4Error, mp4Track, type Mp4Track } from "@headwater/protocol/mp4";
import type { Fragment } from "../store/fragment.js";
import { FragmentGone } from "../store/read-fragment.js";
import { decodeMediaRecord } from "../store/media-record.js";
import { VideoError, type VideoErrorCode } from "../video-error.js";
import type { VideoStream } from "../video-stream.js";

/** One track as players get it. */
export interface PlayableTrack {
  /** As the producer numbers it. */
  readonly number: number;
  readonly mp4: Mp4Track;
}

/** A fragment's first picture track and first AAC track; at least one of them. */
export interface PlayableTracks {
  readonly video: PlayableTrack | undefined;
  readonly audio: PlayableTrack | undefined;
}

/** What is known of a fragment once it has begun. */
type FragmentStart = Pick<Fragment, "id" | "begin" | "initCrc">;

/** Each is some kilobytes, at most about 200. */
const REMEMBERED_MAX = 128;
const mp4Errors: Readonly<Record<Mp4Error["code"], VideoErrorCode>> = {
  UnsupportedStreamMediaType: "media-type-unsupported",
  MissingCodecPrivateData: "codec-private-data-missing",
  InvalidCodecPrivateData: "codec-private-data-invalid",
  InvalidMediaFrame: "media-frame-invalid",
};

/** Reads what tracks fragments have, from their inits; remembers the ones used last. */
export class PlayableTracksReader {
  readonly #log: Log;
  /** By stream and checksum of the init; the ones used longest ago come first. */
  readonly #remembered = new Map<string, PlayableTracks>();

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * @throws {VideoError} `media-type-unsupported`, `codec-private-data-missing`, `codec-private-data-invalid`.
   * @throws {FragmentGone} @throws {LogError}
   */
  async read(stream: VideoStream, fragment: FragmentStart): Promise<PlayableTracks> {
    const key = `${stream.id}/${fragment.initCrc}`;
    const tracks = this.#remembered.get(key) ?? (await this.#load(stream, fragment));
    this.#remembered.delete(key);
    this.#remembered.set(key, tracks);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > REMEMBERED_MAX && oldest !== undefined) this.#remembered.delete(oldest);
    return tracks;
  }

  async #load(stream: VideoStream, { id, begin }: FragmentStart): Promise<PlayableTracks> {
    const { frames } = await this.#log.read(stream.shards.media, begin, { frames: 1, bytes: 1 << 20 });
    const [first] = frames;
    const record = first?.position === begin ? decodeMediaRecord(first.data) : undefined;
    if (record?.kind !== "begin" || record.id !== id) throw new FragmentGone("the fragment's init is no more");
    return playableTracks(tracksOf(record.begin.init));
  }
}

/** What the first tracks of each kind are in MP4. Sound that players do not take is left out where there is a picture. */
export function playableTracks(tracks: readonly MatroskaTrack[]): PlayableTracks {
  const video = tracks.find(({ type }) => type === "video");
  const sounds = tracks.filter(({ type }) => type === "audio");
  const audio = sounds.find(({ codecId }) => codecId === "A_AAC") ?? (video === undefined ? sounds[0] : undefined);
  if (video === undefined && audio === undefined) {
    throw new VideoError("media-type-unsupported", "The stream has neither picture nor sound.");
  }
  return { video: video && playable(video), audio: audio && playable(audio) };
}

/** What MP4 cannot hold, in the words of Video Streams. */
export function asVideoErrors<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof Mp4Error) throw new VideoError(mp4Errors[error.code], error.message, { cause: error });
    throw error;
  }
}

function playable(track: MatroskaTrack): PlayableTrack {
  return { number: track.number, mp4: asVideoErrors(() => mp4Track(track)) };
}

function tracksOf(init: Buffer): readonly MatroskaTrack[] {
  // A reader tells of tracks when the first Cluster begins.
  for (const event of new MatroskaReader().push(Buffer.concat([init, clusterStart(0n)]))) {
    if (event.kind === "tracks") return event.tracks;
  }
  return [];
}
