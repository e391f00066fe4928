/**
 * @typedef {{ url: string, type: string }} PlayedTrack type as Media Source Extensions take it
 * @typedef {{ url: string, map: string, sequence: number, seconds: number }} Segment
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

/** @param {string} text */
export function readMediaPlaylist(text) {
  /** @type {Segment[]} */
  const segments = [];
  let sequence = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(text)?.[1] ?? 0);
  let [map, seconds] = ["", 0];
  for (const line of text.split("\n")) {
    if (line.startsWith("#EXT-X-MAP:")) map = /URI="([^"]*)"/.exec(line)?.[1] ?? "";
    else if (line.startsWith("#EXTINF:")) seconds = Number.parseFloat(line.slice("#EXTINF:".length));
    else if (line !== "" && !line.startsWith("#")) segments.push({ url: line, map, sequence: sequence++, seconds });
  }
  const targetSeconds = Number(/^#EXT-X-TARGETDURATION:(\d+)/m.exec(text)?.[1] ?? 1);
  return { segments, targetSeconds, isOver: text.includes("#EXT-X-ENDLIST") };
}
