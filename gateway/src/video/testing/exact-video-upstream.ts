import { setImmediate as nextTurn } from "node:timers/promises";
import { TRAVEL_TAG_PREFIX } from "@headwater/protocol";
import { MatroskaReader, type WrittenTrack } from "@headwater/protocol/matroska";
import { type Ack, PutMediaError } from "../../put-media/index.js";
import type { VideoCall, VideoLane, VideoUpstream } from "../video-upstream.js";

export interface TakenFrame {
  readonly track: number;
  /** In producer time. */
  readonly timeMs: number;
  readonly isKey: boolean;
  readonly data: string;
}

export interface TakenFragment {
  readonly timecodeMs: number;
  readonly tags: readonly string[];
  readonly frames: readonly TakenFrame[];
  /** Of the PutMedia call, from 0. */
  readonly call: number;
  readonly lane: VideoLane;
}

/** What goes wrong with one complete fragment. */
export type VideoFault =
  | { readonly kind: "none" }
  /** The connection breaks, and it was not stored. */
  | { readonly kind: "lost" }
  /** The same, but only when the next has begun. */
  | { readonly kind: "lost-late" }
  /** The connection breaks, but it was stored. */
  | { readonly kind: "lost-answer" }
  /** @param tellsTime whether the answer says which fragment it is about. */
  | { readonly kind: "error"; readonly errorId: number; readonly tellsTime?: boolean };

type Mutable = { timecodeMs: number; tags: string[]; frames: TakenFrame[]; call: number; lane: VideoLane };

/**
 * A video upstream that reads what it is sent, recognises a fragment that it has already as Headwater's cloud does, by
 * time and content, and notes what should never be: two fragments of one time, time that goes back within a call, an end
 * without the end-of-fragment tag.
 */
export class ExactVideoUpstream implements VideoUpstream {
  readonly taken: TakenFragment[] = [];
  /** Frames of the fragment under way in each call. */
  readonly coming = new Map<number, readonly TakenFrame[]>();
  readonly violations: string[] = [];
  readonly tracks: (readonly WrittenTrack[])[] = [];
  calls = 0;
  repeats = 0;
  /** Every call fails at once. */
  isDown = false;
  /** What it does no more. */
  silence: "takes nothing" | "acknowledges nothing" | "does not end" | undefined;
  /** Decides what happens to a complete fragment. */
  fault: (fragment: TakenFragment) => VideoFault = () => ({ kind: "none" });

  async *putMedia(
    { lane, tracks }: VideoCall,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): AsyncGenerator<Ack, void, void> {
    await nextTurn();
    signal.throwIfAborted();
    if (this.isDown) throw new PutMediaError("unreachable", "down");
    const call = this.calls++;
    this.tracks.push(tracks);
    const reader = new MatroskaReader();
    let fragment: Mutable | undefined;
    let lastMs = -Infinity;
    let isLost = false;
    for await (const chunk of body) {
      signal.throwIfAborted();
      if (this.isDown) throw new PutMediaError("interrupted", "went down");
      if (this.silence === "takes nothing") await aborted(signal);
      for (const event of reader.push(chunk)) {
        if (event.kind === "cluster") {
          if (isLost) throw new PutMediaError("interrupted", "lost");
          fragment = { timecodeMs: event.timecodeMs, tags: [], frames: [], call, lane };
          if (event.timecodeMs <= lastMs) this.violations.push(`time goes back to ${event.timecodeMs}`);
          lastMs = event.timecodeMs;
          this.coming.set(call, fragment.frames);
          yield { event: "BUFFERING", fragmentTimecodeMs: event.timecodeMs, fragmentNumber: undefined };
        } else if (event.kind === "frame") {
          const { track, timecodeMs: timeMs, isKey, data } = event;
          fragment?.frames.push({ track, timeMs, isKey, data: data.toString() });
        } else if (event.kind === "tag") fragment?.tags.push(`${event.name}=${event.value.toString()}`);
        else if (event.kind === "clusterEnd" && fragment !== undefined) {
          if (this.silence === "acknowledges nothing") await aborted(signal);
          const ack = this.#take(fragment);
          if (ack === undefined) isLost = true;
          else yield ack;
          fragment = undefined;
        }
      }
    }
    if (isLost) throw new PutMediaError("interrupted", "lost");
    if (this.silence === "does not end") await aborted(signal);
    if (fragment !== undefined) this.violations.push(`a call ends within fragment ${fragment.timecodeMs}`);
  }

  #take(given: Mutable): Ack | undefined {
    const end = given.tags.pop();
    if (end !== "AWS_KINESISVIDEO_END_OF_FRAGMENT=") this.violations.push(`fragment ends with ${end ?? "nothing"}`);
    const fault = this.fault(given);
    const fragmentTimecodeMs = given.timecodeMs;
    if (fault.kind === "lost-late") return undefined;
    if (fault.kind === "lost") throw new PutMediaError("interrupted", "lost");
    if (fault.kind === "error") {
      const { errorId, tellsTime = true } = fault;
      const about = tellsTime ? fragmentTimecodeMs : undefined;
      return { event: "ERROR", errorId, errorCode: "FAULT", fragmentTimecodeMs: about, fragmentNumber: undefined };
    }
    const before = this.taken.find(({ timecodeMs }) => timecodeMs === fragmentTimecodeMs);
    if (before === undefined) this.taken.push(given);
    else if (contentOf(before) === contentOf(given)) this.repeats++;
    else this.violations.push(`two fragments at ${fragmentTimecodeMs}`);
    if (fault.kind === "lost-answer") throw new PutMediaError("interrupted", "the answer was lost");
    return { event: "PERSISTED", fragmentTimecodeMs, fragmentNumber: "1" };
  }
}

/** What makes two fragments of one time the same: not how they travelled. */
function contentOf({ frames, tags }: TakenFragment): string {
  return JSON.stringify([frames, tags.filter((tag) => !tag.startsWith(TRAVEL_TAG_PREFIX))]);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
