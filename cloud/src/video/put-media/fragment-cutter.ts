import {
  documentHeader,
  END_OF_FRAGMENT_TAG,
  type MatroskaEvent,
  type MatroskaFrameEvent,
  type MatroskaTrack,
  type WrittenTrack,
} from "@headwater/protocol/matroska";
import type { MediaFrame, MediaTag } from "../store/fragment.js";
import { PutMediaFault } from "./put-media-fault.js";

export const FRAGMENT_BYTES_MAX = 50 << 20;
export const FRAGMENT_DURATION_MAX_MS = 20_000;
export const FRAGMENT_TAGS_MAX = 10;
/** Of all tracks. Each costs memory wherever it goes, however small it is; a media segment holds no more. */
const FRAGMENT_FRAMES_MAX = 65_536;
/** One frame of the log holds one of ours, with some bytes before it. */
const FRAME_BYTES_MAX = 15 << 20;
/** Sound before the first picture of a Cluster, which says whether a fragment begins there. */
const UNDECIDED_BYTES_MAX = 4 << 20;
const UNDECIDED_FRAMES_MAX = 4096;
const TIME_MS_MAX = 8.64e15;
const MILLISECOND_NS = 1_000_000;

/** What becomes of a producer's bytes, in order. */
export type CutStep =
  | { readonly kind: "begin"; readonly timecodeMs: number; readonly init: Buffer }
  | { readonly kind: "frame"; readonly frame: MediaFrame }
  | { readonly kind: "tag"; readonly tag: MediaTag }
  | { readonly kind: "end"; readonly durationMs: number }
  /** A frame before the first key frame: there is no fragment that it could be part of. */
  | { readonly kind: "undecodable" };

interface CurrentFragment {
  readonly timecodeMs: number;
  /** Since the fragment before it in the same document began. */
  readonly sinceMs: number | undefined;
  bytes: number;
  frames: number;
  tags: number;
  /** Of the pictures, or of the sound where there are none; with how long the latest frame is said to last. */
  readonly times: { first: number; last: number; count: number; saidMs: number | undefined };
}

/**
 * Cuts what a Matroska reader finds into fragments. A fragment begins with a Cluster whose first picture is a key frame
 * (without a video track: with any Cluster), since some programs begin Clusters anywhere; it ends before the next one, at
 * its end-of-fragment tag, or with the input. Makes no fragment from time that goes back, nor a longer one than allowed.
 */
export class FragmentCutter {
  #init: Buffer = Buffer.alloc(0);
  /** The document's times are not in milliseconds. */
  #isRewritten = false;
  #videoTrack: number | undefined;
  #previousTimecodeMs: number | undefined;
  #fragment: CurrentFragment | undefined;
  /** A Cluster that nothing of has been decided about, and what came of it so far. */
  #undecided: { timecodeMs: number; frames: MatroskaFrameEvent[]; bytes: number } | undefined;
  /** Told before a document's first Cluster. */
  #documentTags: MediaTag[] = [];

  /** The timecode of the fragment that is under way. */
  get timecodeMs(): number | undefined {
    return this.#fragment?.timecodeMs ?? this.#undecided?.timecodeMs;
  }

  /** @throws {PutMediaFault} */
  *take(event: MatroskaEvent): Generator<CutStep, void, void> {
    switch (event.kind) {
      case "document":
        yield* this.end();
        this.#previousTimecodeMs = undefined;
        this.#documentTags = [];
        this.#init = event.header;
        this.#isRewritten = event.timecodeScaleNs !== MILLISECOND_NS;
        return;
      case "tracks":
        this.#takeTracks(event.tracks);
        return;
      case "cluster":
        yield* this.#decide(false);
        this.#undecided = { timecodeMs: event.timecodeMs, frames: [], bytes: 0 };
        return;
      case "frame":
        yield* this.#takeFrame(event);
        return;
      case "tag":
        yield* this.#takeTag(event);
        return;
      case "clusterEnd":
        yield* this.#decide(false);
    }
  }

  /** The input, or a document of it, is over. */
  *end(): Generator<CutStep, void, void> {
    yield* this.#decide(false);
    yield* this.#endFragment();
  }

  #takeTracks(tracks: readonly MatroskaTrack[]): void {
    const written = tracks.filter((track): track is WrittenTrack => track.type !== "other");
    if (written.length < tracks.length)
      throw new PutMediaFault("INVALID_MKV_DATA", "a track that is neither picture nor sound");
    this.#videoTrack = tracks.find(({ type }) => type === "video")?.number;
    // Readers of ours get milliseconds, whatever came; else the producer's header stays as it is.
    if (this.#isRewritten) this.#init = documentHeader({ tracks: written, writingApp: "Headwater" });
  }

  *#takeFrame(event: MatroskaFrameEvent): Generator<CutStep, void, void> {
    if (event.data.length > FRAME_BYTES_MAX) {
      throw new PutMediaFault("MAX_FRAGMENT_SIZE_REACHED", `a frame of ${event.data.length} bytes`);
    }
    const undecided = this.#undecided;
    if (undecided === undefined) {
      yield* this.#give(event);
      return;
    }
    undecided.frames.push(event);
    undecided.bytes += event.data.length;
    if (this.#videoTrack === undefined) yield* this.#decide(true);
    else if (event.track === this.#videoTrack) yield* this.#decide(event.isKey);
    else if (undecided.bytes > UNDECIDED_BYTES_MAX || undecided.frames.length > UNDECIDED_FRAMES_MAX)
      yield* this.#decide(false);
  }

  /** Whether a fragment begins with the Cluster is known now. */
  *#decide(begins: boolean): Generator<CutStep, void, void> {
    const undecided = this.#undecided;
    if (undecided === undefined) return;
    this.#undecided = undefined;
    if (begins) {
      yield* this.#endFragment(undecided.timecodeMs);
      yield this.#begin(undecided.timecodeMs);
      for (const tag of this.#documentTags.splice(0)) yield { kind: "tag", tag };
    }
    for (const frame of undecided.frames) yield* this.#give(frame);
  }

  #begin(timecodeMs: number): CutStep {
    const previous = this.#previousTimecodeMs;
    if (previous !== undefined && timecodeMs < previous) {
      throw new PutMediaFault(
        "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS",
        `timecode ${timecodeMs} ms after ${previous} ms`,
      );
    }
    if (!(timecodeMs >= 0 && timecodeMs <= TIME_MS_MAX)) {
      throw new PutMediaFault("INVALID_PRODUCER_TIMESTAMP", `timecode ${timecodeMs} ms`);
    }
    this.#previousTimecodeMs = timecodeMs;
    const times = { first: Infinity, last: -Infinity, count: 0, saidMs: undefined };
    const sinceMs = previous === undefined ? undefined : timecodeMs - previous;
    this.#fragment = { timecodeMs, sinceMs, bytes: 0, frames: 0, tags: this.#documentTags.length, times };
    return { kind: "begin", timecodeMs, init: this.#init };
  }

  *#give(event: MatroskaFrameEvent): Generator<CutStep, void, void> {
    const fragment = this.#fragment;
    if (fragment === undefined) {
      yield { kind: "undecodable" };
      return;
    }
    const offsetMs = event.timecodeMs - fragment.timecodeMs;
    if (offsetMs > FRAGMENT_DURATION_MAX_MS) {
      throw new PutMediaFault("MAX_FRAGMENT_DURATION_REACHED", `a frame ${offsetMs} ms after its fragment's start`);
    }
    if (!(offsetMs >= -FRAGMENT_DURATION_MAX_MS)) {
      throw new PutMediaFault("INVALID_MKV_DATA", `a frame ${-offsetMs} ms before its fragment's start`);
    }
    fragment.bytes += event.data.length;
    if (fragment.bytes > FRAGMENT_BYTES_MAX) {
      throw new PutMediaFault("MAX_FRAGMENT_SIZE_REACHED", `a fragment of more than ${FRAGMENT_BYTES_MAX} bytes`);
    }
    fragment.frames += 1;
    if (fragment.frames > FRAGMENT_FRAMES_MAX) {
      throw new PutMediaFault("MAX_FRAGMENT_SIZE_REACHED", `a fragment of more than ${FRAGMENT_FRAMES_MAX} frames`);
    }
    if (event.track === (this.#videoTrack ?? event.track)) {
      const { times } = fragment;
      times.first = Math.min(times.first, event.timecodeMs);
      times.last = Math.max(times.last, event.timecodeMs);
      times.count += 1;
      if (times.last === event.timecodeMs) times.saidMs = event.durationMs;
    }
    const { track, isKey, data } = event;
    yield { kind: "frame", frame: { track, isKey, offsetUs: Math.round(offsetMs * 1000), data } };
  }

  *#takeTag({ name, value }: MediaTag): Generator<CutStep, void, void> {
    if (name === END_OF_FRAGMENT_TAG) {
      yield* this.end();
      return;
    }
    if (OUR_TAGS.has(name)) return;
    const tag = { name, value };
    const fragment = this.#fragment;
    yield* this.#decide(false);
    if (fragment === undefined) {
      // Programs write any number of their own before the first Cluster, so what is too much is not an error.
      if (this.#documentTags.length < FRAGMENT_TAGS_MAX && sizeOf(tag) <= DOCUMENT_TAG_BYTES_MAX) {
        this.#documentTags.push(tag);
      }
      return;
    }
    fragment.tags += 1;
    if (fragment.tags > FRAGMENT_TAGS_MAX) {
      throw new PutMediaFault("FRAGMENT_METADATA_LIMIT_REACHED", `more than ${FRAGMENT_TAGS_MAX} tags of a fragment`);
    }
    yield { kind: "tag", tag };
  }

  /** @param nextMs when the next one begins, where that is known. */
  *#endFragment(nextMs?: number): Generator<CutStep, void, void> {
    const fragment = this.#fragment;
    if (fragment === undefined) return;
    this.#fragment = undefined;
    yield { kind: "end", durationMs: durationOf(fragment, nextMs) };
  }
}

/**
 * As long as its pictures are shown; the last one as long as the others on average, a single one as long as it says, or as
 * it was since the fragment before: the next comes when this one is to be shown already.
 *
 * A fragment's time is its Cluster's, which may begin with sound, before the pictures. Some programs begin each so, and
 * what is early here is missing at the end; others only the first, and then it counts. The next one's time tells.
 */
function durationOf({ timecodeMs, sinceMs, times }: CurrentFragment, nextMs: number | undefined): number {
  const { first, last, count, saidMs } = times;
  if (count === 0) return 0;
  const steadyMs = sinceMs !== undefined && sinceMs <= FRAGMENT_DURATION_MAX_MS ? sinceMs : 0;
  const frameMs = count > 1 ? (last - first) / (count - 1) : (saidMs ?? steadyMs);
  const picturesMs = last - first + frameMs;
  const earlyMs = Math.max(0, first - timecodeMs);
  const untilNextMs = (nextMs ?? -Infinity) - timecodeMs;
  return Math.round(Math.min(Math.max(picturesMs, untilNextMs), picturesMs + earlyMs));
}

/** What GetMedia puts around a fragment: it must not come back with the next one who reads it. */
const OUR_TAGS: ReadonlySet<string> = new Set(
  [
    "FRAGMENT_NUMBER",
    "SERVER_TIMESTAMP",
    "PRODUCER_TIMESTAMP",
    "SERVER_SIDE_TIMESTAMP",
    "PRODUCER_SIDE_TIMESTAMP",
    "MILLIS_BEHIND_NOW",
    "CONTINUATION_TOKEN",
    "ERROR_CODE",
    "ERROR_ID",
  ].map((name) => `AWS_KINESISVIDEO_${name}`),
);

const DOCUMENT_TAG_BYTES_MAX = 512;

function sizeOf({ name, value }: MediaTag): number {
  return Buffer.byteLength(name) + (typeof value === "string" ? Buffer.byteLength(value) : value.length);
}
