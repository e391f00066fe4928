import type { Log } from "@headwater/log";
import { mediaSegment, type MediaFrame } from "@headwater/protocol/mp4";
import type { PublishedFragment } from "../store/fragment.js";
import { readFragment } from "../store/read-fragment.js";
import type { VideoStream } from "../video-stream.js";
import { asVideoErrors, type PlayableTrack } from "./playable-tracks.js";

/** What players skip. A segment cannot be without samples, and a fragment may be without frames of a track. */
const FREE_BOX = Buffer.from("\0\0\0\x08free", "latin1");

/**
 * One track of a fragment as a media segment. It depends on the fragment alone, so it is the same each time in a session.
 * @param hasLeadIn see {@link mediaSegment}.
 * @throws {VideoError} `media-frame-invalid`. @throws {FragmentGone} @throws {LogError}
 */
export async function trackSegment(
  log: Log,
  stream: VideoStream,
  fragment: PublishedFragment,
  { number, mp4 }: PlayableTrack,
  hasLeadIn: boolean,
): Promise<Buffer> {
  const frames: MediaFrame[] = [];
  for await (const parts of readFragment(log, stream.shards.media, fragment)) {
    for (const part of parts) {
      if (part.kind !== "frame" || part.frame.track !== number) continue;
      const { isKey, offsetUs, data } = part.frame;
      // Sound is a small part of what was read: a copy lets the rest go.
      const kept = mp4.kind === "audio" ? Buffer.from(data) : data;
      frames.push({ timecodeMs: fragment.producerMs + offsetUs / 1000, isKey, data: kept });
    }
  }
  if (frames.length === 0) return FREE_BOX;
  const segment = { track: mp4, sequence: fragment.ordinal, frames, hasLeadIn };
  return asVideoErrors(() => Buffer.concat(mediaSegment(segment).buffers));
}
