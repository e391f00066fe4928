import type { Log } from "@headwater/log";
import { mediaSegment } from "@headwater/protocol/mp4";
import { CloudError } from "../../cloud-error.js";
import type { VideoStream } from "../video-stream.js";
import { type FragmentPart, partsOf } from "./fragment-parts.js";
import type { HlsSession } from "./hls-session.js";
import { LiveTail, readFrames, type TailFragment, type TailFrame } from "./live-tail.js";
import type { LowLatency } from "./media-playlist.js";
import { asVideoErrors, type PlayableTrack, type PlayableTracksReader } from "./playable-tracks.js";
import type { SessionFragments } from "./session-fragments.js";

/** How long the request of a part that is not there yet is held. */
const PART_WAIT_MAX_MS = 5000;
const TAILS_MAX = 64;

/** What a player wants to be there before it is answered: `_HLS_msn` and `_HLS_part`. */
export interface Awaited {
  readonly sequence: number;
  readonly part: number | undefined;
}

/** One answer that may have to wait. */
export interface LowLatencyRequest {
  readonly stream: VideoStream;
  readonly tail: LiveTail;
  readonly trackNumber: number;
  /** Aborts when nobody waits for the answer any more. */
  readonly gone: AbortSignal;
}

export interface WantedPart {
  /** Where its fragment begins. */
  readonly begin: number;
  readonly index: number;
  /** Resolves once there is room for so many bytes. */
  readonly takeMemory: (bytes: number) => Promise<void>;
}

/** A track's frames of a fragment, as parts. */
interface CutFrames {
  /** Frames of all tracks that had come by then. */
  readonly of: number;
  readonly isComplete: boolean;
  readonly frames: readonly TailFrame[];
  readonly parts: readonly FragmentPart[];
}

/** The low-latency side of live sessions by producer time: parts of fragments that are still coming. */
export class LowLatencyReader {
  readonly #log: Log;
  readonly #tracks: PlayableTracksReader;
  /** By stream; the ones used longest ago come first. */
  readonly #tails = new Map<string, LiveTail>();
  /** Of fragments in tails, by track: all players of a stream see the same. */
  readonly #cut = new WeakMap<TailFragment, Map<number, CutFrames>>();

  constructor(log: Log, tracks: PlayableTracksReader) {
    this.#log = log;
    this.#tracks = tracks;
  }

  /** @returns undefined where a session has no parts: by server time, what is sent late would come between. */
  tailOf({ mode, clock }: HlsSession, stream: VideoStream): LiveTail | undefined {
    if (mode !== "LIVE" || clock !== "producerMs") return undefined;
    const tail = this.#tails.get(stream.id) ?? new LiveTail(this.#log, stream);
    this.#tails.delete(stream.id);
    this.#tails.set(stream.id, tail);
    const [oldest] = this.#tails.keys();
    if (this.#tails.size > TAILS_MAX && oldest !== undefined) this.#tails.delete(oldest);
    return tail;
  }

  /**
   * What the playlist shows, once it has what the player wants.
   * @param read what the session shows now.
   * @throws {CloudError} `argument-invalid` where that is far away, `server-busy` where it does not come.
   */
  async current(
    request: LowLatencyRequest,
    read: () => SessionFragments,
    awaited: Awaited | undefined,
  ): Promise<{ fragments: SessionFragments; lowLatency: LowLatency }> {
    const { tail, gone } = request;
    let patience: AbortSignal | undefined;
    for (;;) {
      await tail.catchUp();
      // A fragment may have become complete while the tail was read.
      if ((read().shown.at(-1)?.fragment.end ?? 0) > tail.position) await tail.catchUp();
      const fragments = read();
      const { position } = tail;
      const lowLatency = { coming: fragments.coming, parts: await this.#parts(request, fragments) };
      // From here to the wait nothing else runs, so nothing that happens is missed.
      if (read().shown.at(-1)?.fragment !== fragments.shown.at(-1)?.fragment || tail.position !== position) continue;
      if (awaited === undefined || isThere(awaited, fragments, lowLatency)) return { fragments, lowLatency };
      patience ??= AbortSignal.any([gone, AbortSignal.timeout(Math.max(3 * fragments.longestMs, 1000))]);
      if (patience.aborted) throw new CloudError("server-busy", "What is waited for did not come.");
      await tail.changed(patience);
    }
  }

  /** A part as a media segment; waits for one that is coming. @returns undefined where it does not come. */
  async part(
    { stream, tail, trackNumber, gone }: LowLatencyRequest,
    { begin, index, takeMemory }: WantedPart,
  ): Promise<Buffer | undefined> {
    const patience = AbortSignal.any([gone, AbortSignal.timeout(PART_WAIT_MAX_MS)]);
    for (;;) {
      await tail.catchUp();
      const fragment = tail.fragments.find((one) => one.begin === begin);
      const track = fragment && (await this.#track(stream, fragment, trackNumber));
      if (fragment === undefined || track === undefined) return undefined;
      const isComplete = stream.store.at(begin, stream.horizonMs()) !== undefined;
      const { frames, parts } = this.#cutFrames(fragment, track, isComplete);
      const part = parts[index];
      if (part !== undefined) {
        await takeMemory(frames.slice(part.from, part.to).reduce((sum, { bytes }) => sum + bytes, 0));
        return this.#segment(stream, track, frames, part);
      }
      const isComing = stream.store.coming.some(({ id }) => id === fragment.id);
      if (isComplete || !isComing || patience.aborted) return undefined;
      await tail.changed(patience);
    }
  }

  async #segment(
    stream: VideoStream,
    { mp4 }: PlayableTrack,
    frames: readonly TailFrame[],
    { from, to }: FragmentPart,
  ): Promise<Buffer | undefined> {
    const wanted = frames.slice(from, to);
    const data = await readFrames(this.#log, stream.shards.media, wanted);
    if (data === undefined) return undefined;
    const next = frames[to];
    const { buffers } = asVideoErrors(() =>
      mediaSegment({
        track: mp4,
        sequence: wanted[0]?.position ?? 0,
        frames: wanted.map(({ timecodeMs, isKey }, i) => ({ timecodeMs, isKey, data: data[i] ?? Buffer.of() })),
        precedingMs: frames.slice(0, from).map(({ timecodeMs }) => timecodeMs),
        next: next && { timecodeMs: next.timecodeMs, startsFragment: false },
      }),
    );
    return Buffer.concat(buffers);
  }

  /** Of the fragments that the tail has whole, and of what is coming. */
  async #parts(
    { stream, tail, trackNumber }: LowLatencyRequest,
    { shown, coming }: SessionFragments,
  ): Promise<ReadonlyMap<number, readonly FragmentPart[]>> {
    const parts = new Map<number, readonly FragmentPart[]>();
    const add = async (fragment: TailFragment, isComplete: boolean): Promise<void> => {
      const track = await this.#track(stream, fragment, trackNumber);
      if (track !== undefined) parts.set(fragment.begin, this.#cutFrames(fragment, track, isComplete).parts);
    };
    for (const { fragment, isGap } of shown) {
      const known = isGap ? undefined : tail.find(fragment.id);
      if (known?.frames.length === fragment.frames) await add(known, true);
    }
    if (coming !== undefined) await add(coming, false);
    return parts;
  }

  #cutFrames(fragment: TailFragment, { number, mp4 }: PlayableTrack, isComplete: boolean): CutFrames {
    const byTrack = this.#cut.get(fragment) ?? new Map<number, CutFrames>();
    const known = byTrack.get(number);
    if (known?.of === fragment.frames.length && known.isComplete === isComplete) return known;
    const frames = fragment.frames.filter(({ track }) => track === number);
    const cut = { of: fragment.frames.length, isComplete, frames, parts: partsOf(mp4, frames, isComplete) };
    this.#cut.set(fragment, byTrack.set(number, cut));
    return cut;
  }

  async #track(stream: VideoStream, fragment: TailFragment, number: number): Promise<PlayableTrack | undefined> {
    const { video, audio } = await this.#tracks.read(stream, fragment);
    return [video, audio].find((track) => track?.number === number);
  }
}

function isThere({ sequence, part }: Awaited, { shown }: SessionFragments, { coming, parts }: LowLatency): boolean {
  const last = shown.at(-1)?.sequence ?? 0;
  if (sequence > last + 2) throw new CloudError("argument-invalid", `_HLS_msn ${sequence} is not near ${last}.`);
  if (sequence <= last) return true;
  const count = coming === undefined ? 0 : (parts.get(coming.begin)?.length ?? 0);
  return sequence === last + 1 && part !== undefined && part < count;
}
