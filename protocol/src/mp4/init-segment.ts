import { box, fullBox, uint16, uint32, zeros } from "./box.js";
import type { Mp4Track } from "./track.js";

/** Each segment holds one track: playlists of video and audio are apart. */
export const TRACK_ID = 1;

/** The initialization segment of a track (EXT-X-MAP): what a player must have before any media segment. */
export function initSegment(track: Mp4Track): Buffer {
  return Buffer.concat([
    box("ftyp", Buffer.from("iso6\0\0\0\0iso6mp41", "latin1")),
    box(
      "moov",
      fullBox(
        "mvhd",
        0,
        0,
        uint32(0, 0, MOVIE_TIMESCALE, 0, 0x10000),
        uint16(0x100, 0),
        zeros(8),
        UNITY,
        zeros(24),
        uint32(2),
      ),
      trackBox(track),
      box("mvex", fullBox("trex", 0, 0, uint32(TRACK_ID, 1, 0, 0, 0))),
    ),
  ]);
}

const MOVIE_TIMESCALE = 1000;
/** The matrix that neither turns nor scales. */
const UNITY = uint32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
const ENABLED_AND_IN_MOVIE = 3;
const LANGUAGE_UNDETERMINED = 0x55c4;
const DATA_IN_SAME_FILE = 1;

function trackBox(track: Mp4Track): Buffer {
  const isVideo = track.kind === "video";
  const [pixelWidth, pixelHeight] = isVideo ? track.pixelAspect : [1, 1];
  const [width, height] = isVideo ? [(track.width * pixelWidth) / pixelHeight, track.height] : [0, 0];
  return box(
    "trak",
    fullBox(
      "tkhd",
      0,
      ENABLED_AND_IN_MOVIE,
      uint32(0, 0, TRACK_ID, 0, 0, 0, 0),
      uint16(0, 0, isVideo ? 0 : 0x100, 0), // layer, group, volume
      UNITY,
      uint32(Math.min(0xffff_ffff, Math.round(width * 0x10000)), height * 0x10000),
    ),
    box(
      "mdia",
      fullBox("mdhd", 0, 0, uint32(0, 0, track.ticksPerMs * 1000, 0), uint16(LANGUAGE_UNDETERMINED, 0)),
      fullBox("hdlr", 0, 0, zeros(4), Buffer.from(isVideo ? "vide" : "soun", "latin1"), zeros(13)),
      box(
        "minf",
        isVideo ? fullBox("vmhd", 0, 1, zeros(8)) : fullBox("smhd", 0, 0, zeros(4)),
        box("dinf", fullBox("dref", 0, 0, uint32(1), fullBox("url ", 0, DATA_IN_SAME_FILE))),
        box(
          "stbl",
          fullBox("stsd", 0, 0, uint32(1), track.sampleEntry),
          fullBox("stts", 0, 0, uint32(0)),
          fullBox("stsc", 0, 0, uint32(0)),
          fullBox("stsz", 0, 0, uint32(0, 0)),
          fullBox("stco", 0, 0, uint32(0)),
        ),
      ),
    ),
  );
}
