import type { MatroskaTrack } from "@headwater/protocol/matroska";
import { buildAvcC, H264Error, joinByLength } from "@headwater/protocol/h264";
import { expect, test } from "vitest";
import { H265Error } from "@headwater/protocol/h265";
import { CaptureError } from "../capture/capture-source.js";
import { InBandTracks } from "./in-band-tracks.js";

// Of x264: constrained baseline of 640x360, and of 320x240.
const sps640 = Buffer.from("6742c01eda0280bfe5c05a8303035280000003008000001e478b1750", "hex");
const sps320 = Buffer.from("6742c00dda0507ec0440000003004000000f23c50aa8", "hex");
const pps = Buffer.from("68ce3c80", "hex");
const slice = Buffer.of(0x65, 1, 2, 3);
const audio: MatroskaTrack = { number: 2, type: "audio", codecId: "A_AAC", language: "und" };

function tracks(): InBandTracks {
  const video: MatroskaTrack = {
    number: 1,
    type: "video",
    codecId: "V_MPEG4/ISO/AVC",
    language: "und",
    codecPrivate: buildAvcC([sps640], [pps]),
    video: { width: 640, height: 360 },
  };
  return new InBandTracks([video, audio]);
}

test("parameter sets that are known change nothing", () => {
  const known = tracks();
  const before = known.tracks;
  expect(known.look(joinByLength([slice]), true)).toBe(false);
  expect(known.look(joinByLength([sps640, pps, slice]), true)).toBe(false);
  expect(known.tracks).toBe(before);
});

test("new ones are the track's from this key frame on, with the size that they say", () => {
  const known = tracks();
  expect(known.look(joinByLength([sps320, pps, slice]), true)).toBe(true);
  expect(known.tracks).toMatchObject([
    { number: 1, codecPrivate: buildAvcC([sps320], [pps]), video: { width: 320, height: 240 } },
    { number: 2 },
  ]);
  expect(known.look(joinByLength([sps320, pps, slice]), true)).toBe(false);
  expect(known.look(joinByLength([sps640, slice]), true)).toBe(true);
});

test("a frame whose NAL units do not add up is refused, key frame or not", () => {
  const torn = joinByLength([slice]).subarray(0, 6);
  expect(() => tracks().look(torn, true)).toThrow(H264Error);
  expect(() => tracks().look(torn, false)).toThrow(H264Error);
});

test("an H.264 track without a readable configuration is refused", () => {
  const video: MatroskaTrack = { number: 1, type: "video", codecId: "V_MPEG4/ISO/AVC", language: "und" };
  expect(() => new InBandTracks([video])).toThrow(H264Error);
});

// Of x265: a picture of 314x238, and the parameter sets of one of 1920x1080.
const hvcC = Buffer.from(
  "0101600000009000000000003cf000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003003c95940921" +
    "0001002d42010101600000030090000003000003003ca00a080f1c9596565924cafff07700585680800001f480003a9804" +
    "22000100074401c172b46240",
  "hex",
);
const hevcSps238 = hvcC.subarray(57, 102);
const hevcSps1080 = Buffer.from(
  "420101022000000300900000030000030078a003c0801107cad96e929385e02d010000030001000003001908",
  "hex",
);
const hevcSlice = Buffer.of(0x26, 1, 2, 3);

const hevcTracks = (codecPrivate?: Buffer): InBandTracks => {
  const video = { number: 1, type: "video", codecId: "V_MPEGH/ISO/HEVC", language: "und" } as const;
  return new InBandTracks([{ ...video, ...(codecPrivate && { codecPrivate }) }]);
};

test("a picture of H.265 that changes its size ends the capture; parameter sets of the same size do not", () => {
  const known = hevcTracks(hvcC);
  expect(known.look(joinByLength([hevcSlice]), true)).toBe(false);
  expect(known.look(joinByLength([hevcSps238, hevcSlice]), true)).toBe(false);
  const changed = joinByLength([hevcSps1080, hevcSlice]);
  expect(known.look(changed, false)).toBe(false);
  expect(() => known.look(changed, true)).toThrow(CaptureError);
  expect(() => known.look(changed, true)).toThrow("its picture was 314x238 and is 1920x1080");
});

test("a frame of H.265 whose NAL units do not add up is refused", () => {
  expect(() => hevcTracks(hvcC).look(joinByLength([hevcSlice]).subarray(0, 6), false)).toThrow(H265Error);
});

test("without a configuration that can be read, frames of H.265 are taken as they come", () => {
  expect(hevcTracks().look(Buffer.of(1), true)).toBe(false);
});
