import type { Mp4Track } from "@headwater/protocol/mp4";
import type { PlacedFragment } from "./fragment-order.js";
import type { PlayableTracks } from "./playable-tracks.js";

/** The boxes around a fragment's frames, generously: a sixteenth of its bytes and so many. */
const BOXES_BYTES = 1024;

/** The playlist that names the others. RFC 8216, 4.3.4. */
export function masterPlaylist(
  { video, audio }: PlayableTracks,
  shown: readonly PlacedFragment[],
  mediaUrl: (trackNumber: number) => string,
): string {
  const main = video ?? audio;
  if (main === undefined) return "";
  const codecs = [video, audio].flatMap((track) => track?.mp4.codec ?? []);
  const attributes = [`BANDWIDTH=${peakBitsPerSecond(shown)}`, `CODECS="${codecs.join()}"`];
  attributes.push(...pictureAttributes(main.mp4));
  const lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"];
  if (video !== undefined && audio !== undefined) {
    const uri = mediaUrl(audio.number);
    lines.push(
      `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,` +
        `CHANNELS="${audio.mp4.kind === "audio" ? audio.mp4.channels : 0}",URI="${uri}"`,
    );
    attributes.push('AUDIO="audio"');
  }
  lines.push(`#EXT-X-STREAM-INF:${attributes.join()}`, mediaUrl(main.number));
  return `${lines.join("\n")}\n`;
}

function pictureAttributes(track: Mp4Track): string[] {
  if (track.kind !== "video") return [];
  const { width, height, frameRate, pixelAspect } = track;
  const shownWidth = Math.round((width * pixelAspect[0]) / pixelAspect[1]);
  const rate = frameRate === undefined ? [] : [`FRAME-RATE=${frameRate.toFixed(3)}`];
  return [`RESOLUTION=${shownWidth}x${height}`, ...rate];
}

/** Of all tracks together, in the segment with the most. */
function peakBitsPerSecond(shown: readonly PlacedFragment[]): number {
  const rates = shown.map(({ fragment: { bytes, durationMs } }) => {
    const seconds = Math.max(durationMs, 1) / 1000;
    return Math.ceil(((bytes * 17) / 16 + BOXES_BYTES) * 8) / seconds;
  });
  return Math.ceil(Math.max(...rates));
}
