import type { WrittenTrack } from "@headwater/protocol/matroska";
import type { Ack } from "../put-media/index.js";

export type VideoLane = "live" | "backfill";

/** What one PutMedia call is about. */
export interface VideoCall {
  readonly stream: string;
  /** Backfill: all its fragments were captured before what live viewers have seen. */
  readonly lane: VideoLane;
  /** Those of the body, to make a stream of where there is none and the gateway may. */
  readonly tracks: readonly WrittenTrack[];
}

/** Where video goes: Headwater's cloud or AWS. */
export interface VideoUpstream {
  /**
   * Opens one PutMedia call.
   * @throws {PutMediaError}, or what the body throws, or the signal's reason.
   */
  putMedia(call: VideoCall, body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncIterable<Ack>;
}
