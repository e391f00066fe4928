import { type FragmentPart, PART_MS } from "./fragment-parts.js";
import type { TailFragment } from "./live-tail.js";
import type { DiscontinuityMode, HlsSession } from "./hls-session.js";
import { isBreak, type PlacedFragment } from "./fragment-order.js";
import type { SessionFragments } from "./session-fragments.js";

export interface MediaUrls {
  init(fragment: { readonly initCrc: number }): string;
  media(fragment: { readonly begin: number }): string;
  part(fragment: { readonly begin: number }, index: number): string;
}

/** What low-latency players are told beside. An extension of ours; others skip it. draft-pantos-hls-rfc8216bis. */
export interface LowLatency {
  /** Of the newest fragments, by where they begin. */
  readonly parts: ReadonlyMap<number, readonly FragmentPart[]>;
  readonly coming: TailFragment | undefined;
}

/** One track's playlist. RFC 8216, 4.3.2 and 4.3.3. */
export function mediaPlaylist(
  { mode, clock, discontinuity, showsTime }: HlsSession,
  { shown, longestMs, isOver }: SessionFragments,
  urls: MediaUrls,
  lowLatency?: LowLatency,
): string {
  const [first] = shown;
  const lines = ["#EXTM3U", `#EXT-X-VERSION:${lowLatency === undefined ? 7 : 9}`];
  if (mode === "ON_DEMAND") lines.push("#EXT-X-PLAYLIST-TYPE:VOD");
  lines.push(
    `#EXT-X-TARGETDURATION:${Math.max(1, Math.round(longestMs / 1000))}`,
    `#EXT-X-MEDIA-SEQUENCE:${first?.sequence ?? 0}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${first === undefined ? 0 : timelineOf(discontinuity, first)}`,
    "#EXT-X-INDEPENDENT-SEGMENTS",
  );
  if (lowLatency !== undefined) lines.push(...lowLatencyHead(lowLatency));
  let before: PlacedFragment | undefined;
  for (const placed of shown) {
    const { fragment } = placed;
    const isFirst = before === undefined;
    if (before !== undefined && timelineOf(discontinuity, before) !== timelineOf(discontinuity, placed)) {
      lines.push("#EXT-X-DISCONTINUITY");
    }
    if (isFirst || before?.fragment.initCrc !== fragment.initCrc) lines.push(`#EXT-X-MAP:URI="${urls.init(fragment)}"`);
    if (showsTime) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(fragment[clock]).toISOString()}`);
    if (placed.isGap) lines.push("#EXT-X-GAP");
    else lines.push(...partLines(fragment, lowLatency, urls));
    lines.push(`#EXTINF:${(fragment.durationMs / 1000).toFixed(3)},`, urls.media(fragment));
    before = placed;
  }
  if (lowLatency?.coming !== undefined) {
    const { coming, parts } = lowLatency;
    const isBroken = before !== undefined && isBreak(before, coming);
    if (discontinuity === "ALWAYS" || (discontinuity === "ON_DISCONTINUITY" && isBroken))
      lines.push("#EXT-X-DISCONTINUITY");
    if (before?.fragment.initCrc !== coming.initCrc) lines.push(`#EXT-X-MAP:URI="${urls.init(coming)}"`);
    if (showsTime) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(coming[clock]).toISOString()}`);
    lines.push(...partLines(coming, lowLatency, urls));
    const next = urls.part(coming, parts.get(coming.begin)?.length ?? 0);
    lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${next}"`);
  }
  if (isOver) lines.push("#EXT-X-ENDLIST");
  // Where nothing stands behind the last segment, hls.js (1.7) takes it for one that is coming, and misplaces what follows.
  else if (lowLatency !== undefined && lowLatency.coming === undefined) lines.push("# Nothing is coming yet.");
  return `${lines.join("\n")}\n`;
}

function lowLatencyHead({ parts }: LowLatency): string[] {
  const durations = [...parts.values()].flatMap((some) => some.map(({ durationMs }) => durationMs));
  const targetMs = Math.max(PART_MS, ...durations);
  return [
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${((3 * targetMs) / 1000).toFixed(3)}`,
    `#EXT-X-PART-INF:PART-TARGET=${(targetMs / 1000).toFixed(3)}`,
  ];
}

function partLines(fragment: { begin: number }, lowLatency: LowLatency | undefined, urls: MediaUrls): string[] {
  return (lowLatency?.parts.get(fragment.begin) ?? []).map(({ durationMs, isIndependent }, i) => {
    const independent = isIndependent ? ",INDEPENDENT=YES" : "";
    return `#EXT-X-PART:DURATION=${(durationMs / 1000).toFixed(5)},URI="${urls.part(fragment, i)}"${independent}`;
  });
}

/** Segments of one timeline follow each other without a discontinuity. */
function timelineOf(mode: DiscontinuityMode, { sequence, breaks }: PlacedFragment): number {
  if (mode === "ALWAYS") return sequence;
  return mode === "NEVER" ? 0 : breaks;
}
