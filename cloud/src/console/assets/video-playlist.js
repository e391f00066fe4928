/**
 * @typedef {{ url: string, type: string }} PlayedTrack type as Media Source Extensions take it
 * @typedef {{ map: string, sequence: number, seconds: number, url: string, parts: string[], isGap: boolean }} Segment
 *   parts: URLs of what it consists of, where they are listed
 */

/** The tracks of a master playlist of ours: the picture, and the sound beside it. @param {string} text */
export function readMasterPlaylist(text) {
  const lines = text.split("\n");
  const codecs = /CODECS="([^"]*)"/.exec(text)?.[1]?.split(",") ?? [];
  const main = lines.find((line) => line !== "" && !line.startsWith("#")) ?? "";
  const beside = /^#EXT-X-MEDIA:.*URI="([^"]*)"/m.exec(text)?.[1];
  /** @type {PlayedTrack[]} */
  const tracks = [main, beside].flatMap((url, i) => {
    const codec = codecs[i];
    if (url === undefined || codec === undefined) return [];
    return [{ url, type: `${codec.startsWith("mp4a") ? "audio" : "video"}/mp4; codecs="${codec}"` }];
  });
  return { tracks };
}

/**
 * A track's segments; the last one may still be coming, and has parts only.
 * @param {string} text
 */
export function readMediaPlaylist(text) {
  /** @type {Segment[]} */
  const segments = [];
  let sequence = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(text)?.[1] ?? 0);
  let [map, seconds, isGap] = ["", 0, false];
  /** @type {string[]} */
  let parts = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("#EXT-X-MAP:")) map = /URI="([^"]*)"/.exec(line)?.[1] ?? "";
    else if (line.startsWith("#EXTINF:")) seconds = Number.parseFloat(line.slice("#EXTINF:".length));
    else if (line === "#EXT-X-GAP") isGap = true;
    else if (line.startsWith("#EXT-X-PART:")) parts.push(/URI="([^"]*)"/.exec(line)?.[1] ?? "");
    else if (line !== "" && !line.startsWith("#")) {
      segments.push({ map, sequence: sequence++, seconds, url: line, parts, isGap });
      [parts, isGap] = [[], false];
    }
  }
  /** @type {Segment | undefined} */
  const coming = parts.length === 0 ? undefined : { map, sequence, seconds: 0, url: "", parts, isGap };
  const canWait = text.includes("CAN-BLOCK-RELOAD=YES");
  const targetSeconds = Number(/^#EXT-X-TARGETDURATION:(\d+)/m.exec(text)?.[1] ?? 1);
  return { segments, coming, canWait, targetSeconds, isOver: text.includes("#EXT-X-ENDLIST") };
}
