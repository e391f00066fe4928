import type { DiscontinuityMode, HlsSession } from "./hls-session.js";
import type { PlacedFragment } from "./fragment-order.js";
import type { SessionFragments } from "./session-fragments.js";

export interface MediaUrls {
  init(placed: PlacedFragment): string;
  media(placed: PlacedFragment): string;
}

/** One track's playlist. RFC 8216, 4.3.2 and 4.3.3. */
export function mediaPlaylist(
  { mode, clock, discontinuity, showsTime }: HlsSession,
  { shown, longestMs, isOver }: SessionFragments,
  urls: MediaUrls,
): string {
  const [first] = shown;
  const lines = ["#EXTM3U", "#EXT-X-VERSION:7"];
  if (mode === "ON_DEMAND") lines.push("#EXT-X-PLAYLIST-TYPE:VOD");
  lines.push(
    `#EXT-X-TARGETDURATION:${Math.max(1, Math.ceil(longestMs / 1000))}`,
    `#EXT-X-MEDIA-SEQUENCE:${first?.sequence ?? 0}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${first === undefined ? 0 : timelineOf(discontinuity, first)}`,
    "#EXT-X-INDEPENDENT-SEGMENTS",
  );
  let before: PlacedFragment | undefined;
  for (const placed of shown) {
    const { fragment } = placed;
    const isFirst = before === undefined;
    if (before !== undefined && timelineOf(discontinuity, before) !== timelineOf(discontinuity, placed)) {
      lines.push("#EXT-X-DISCONTINUITY");
    }
    if (isFirst || before?.fragment.initCrc !== fragment.initCrc) lines.push(`#EXT-X-MAP:URI="${urls.init(placed)}"`);
    if (showsTime) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(fragment[clock]).toISOString()}`);
    lines.push(`#EXTINF:${(fragment.durationMs / 1000).toFixed(3)},`, urls.media(placed));
    before = placed;
  }
  if (isOver) lines.push("#EXT-X-ENDLIST");
  return `${lines.join("\n")}\n`;
}

/** Segments of one timeline follow each other without a discontinuity. */
function timelineOf(mode: DiscontinuityMode, { sequence, breaks }: PlacedFragment): number {
  if (mode === "ALWAYS") return sequence;
  return mode === "NEVER" ? 0 : breaks;
}
