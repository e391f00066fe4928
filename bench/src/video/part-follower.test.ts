import { expect, test } from "vitest";
import { readPlaylist } from "./part-follower.js";

const playlist = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-PART-INF:PART-TARGET=0.250
#EXT-X-MAP:URI="init?Number=1"
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:00.000Z
#EXTINF:2.000,
media?Number=1
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:02.000Z
#EXT-X-PART:DURATION=0.24000,URI="media?Number=2&Part=0",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.20000,URI="media?Number=2&Part=1"
`;
const startMs = Date.parse("2026-11-20T12:00:02.000Z");
const parts = [
  { uri: "media?Number=2&Part=0", startMs, durationMs: 240 },
  { uri: "media?Number=2&Part=1", startMs: startMs + 240, durationMs: 200 },
];

test("parts have the times that their segment and those before them say", () => {
  expect(readPlaylist(`${playlist}#EXT-X-PRELOAD-HINT:TYPE=PART,URI="media?Number=2&Part=2"\n`)).toEqual({
    parts,
    hint: "media?Number=2&Part=2",
    nextSequence: 8,
    nextPart: 2,
  });
});

test("behind a whole segment the next one's first part is next", () => {
  expect(readPlaylist(`${playlist}#EXTINF:0.440,\nmedia?Number=2\n`)).toEqual({
    parts,
    hint: undefined,
    nextSequence: 9,
    nextPart: 0,
  });
});
