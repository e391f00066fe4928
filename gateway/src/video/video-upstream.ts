import type { WrittenTrack } from "@headwater/protocol/matroska";
import type { Ack } from "../put-media/index.js";

/** Where video goes: Headwater's cloud or AWS. */
export interface VideoUpstream {
  /**
   * Opens one PutMedia call.
   * @param tracks those of the body, to make a stream of where there is none and the gateway may.
   * @throws {PutMediaError}, or what the body throws, or the signal's reason.
   */
  putMedia(
    stream: string,
    tracks: readonly WrittenTrack[],
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): AsyncIterable<Ack>;
}
