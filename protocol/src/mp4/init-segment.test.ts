import * as fc from "fast-check";
import { expect, test } from "vitest";
import { initSegment } from "./init-segment.js";
import { Mp4Error } from "./mp4-error.js";
import { boxAt, boxesIn } from "./testing/boxes.js";
import { mp4Track } from "./track.js";

const AVCC = Buffer.from(
  "0164000dffe1001c6764000dacd94141fe4affc1dc01614400000fa40003a9803c50a65801000668ebe3cb22c0fdf8f800",
  "hex",
);
const video = mp4Track({ codecId: "V_MPEG4/ISO/AVC", codecPrivate: AVCC });
const audio = mp4Track({ codecId: "A_AAC", codecPrivate: Buffer.from("1208", "hex") });

const outline = (bytes: Buffer): string[] =>
  boxesIn(bytes).flatMap(({ type, content }) => [
    `${type} ${content.length + 8}`,
    ...(CONTAINERS.has(type) ? outline(content).map((line) => `  ${line}`) : []),
  ]);
const CONTAINERS = new Set(["moov", "trak", "mdia", "minf", "dinf", "stbl", "mvex"]);

test("the boxes of a video track", () => {
  expect(outline(initSegment(video))).toEqual([
    "ftyp 24",
    "moov 644",
    "  mvhd 108",
    "  trak 488",
    "    tkhd 92",
    "    mdia 388",
    "      mdhd 32",
    "      hdlr 33",
    "      minf 315",
    "        vmhd 20",
    "        dinf 36",
    "          dref 28",
    "        stbl 251",
    "          stsd 175",
    "          stts 16",
    "          stsc 16",
    "          stsz 20",
    "          stco 16",
    "  mvex 40",
    "    trex 32",
  ]);
});

test("a video track says its size as shown, its pixels, its timescale, and its configuration to the byte", () => {
  const segment = initSegment(video);
  const trak = boxAt(segment, "moov/trak");
  expect(boxAt(trak, "tkhd").readUInt32BE(76) / 65_536).toBeCloseTo((314 * 1904) / 1413, 3);
  expect(boxAt(trak, "tkhd").readUInt32BE(80) / 65_536).toBe(238);
  expect(boxAt(trak, "mdia/mdhd").readUInt32BE(12)).toBe(90_000);
  expect(boxAt(trak, "mdia/hdlr").toString("latin1", 8, 12)).toBe("vide");
  const stsd = boxAt(trak, "mdia/minf/stbl/stsd");
  const entry = boxAt(stsd.subarray(8), "avc1");
  expect([entry.readUInt16BE(24), entry.readUInt16BE(26)]).toEqual([314, 238]);
  expect(boxAt(entry.subarray(78), "avcC")).toEqual(AVCC);
  expect(boxAt(entry.subarray(78), "pasp").toString("hex")).toBe("0000077000000585");
});

test("an audio track says its rate, its channels, and its configuration in a descriptor", () => {
  const trak = boxAt(initSegment(audio), "moov/trak");
  expect(boxAt(trak, "mdia/mdhd").readUInt32BE(12)).toBe(441_000); // milliseconds and samples alike
  expect(boxAt(trak, "mdia/hdlr").toString("latin1", 8, 12)).toBe("soun");
  const entry = boxAt(boxAt(trak, "mdia/minf/stbl/stsd").subarray(8), "mp4a");
  expect([entry.readUInt16BE(16), entry.readUInt32BE(24) / 65_536]).toEqual([1, 44_100]);
  expect(boxAt(entry.subarray(28), "esds").toString("hex")).toBe(
    `00000000 0380808022 000000 0480808014 4015${"00".repeat(11)} 0580808002 1208 0680808001 02`.replaceAll(" ", ""),
  );
});

test.each([
  ["an unknown codec", "V_VP9", Buffer.of(1), "UnsupportedStreamMediaType"],
  ["G.711, which HLS does not play", "A_MS/ACM", Buffer.alloc(18), "UnsupportedStreamMediaType"],
  ["H.264 without configuration", "V_MPEG4/ISO/AVC", undefined, "MissingCodecPrivateData"],
  ["H.265 without configuration", "V_MPEGH/ISO/HEVC", undefined, "MissingCodecPrivateData"],
  ["AAC without configuration", "A_AAC", undefined, "MissingCodecPrivateData"],
  ["H.264 with start codes", "V_MPEG4/ISO/AVC", Buffer.from("000000016742", "hex"), "InvalidCodecPrivateData"],
  ["H.265 with H.264's configuration", "V_MPEGH/ISO/HEVC", AVCC, "InvalidCodecPrivateData"],
  ["a configuration without end", "V_MPEG4/ISO/AVC", Buffer.alloc(70_000, 1), "InvalidCodecPrivateData"],
])("refuses %s", (_name, codecId, codecPrivate, code) => {
  expect(() => mp4Track({ codecId, codecPrivate })).toThrow(expect.objectContaining({ name: "Mp4Error", code }));
});

test("the container's frame duration counts where the video names none", () => {
  const bare = Buffer.from("0142c01fffe1000967 42c01f da 01405b 20 0100 04 68ce3c80".replaceAll(" ", ""), "hex");
  const rates = [undefined, 40_000_000, 0].map((defaultDurationNs) => {
    const track = mp4Track({ codecId: "V_MPEG4/ISO/AVC", codecPrivate: bare, defaultDurationNs });
    return [track.frameTicks, track.kind === "video" ? track.frameRate : "audio"];
  });
  expect(rates).toEqual([
    [1500, undefined],
    [3600, 25],
    [1500, undefined],
  ]);
});

test("whatever a configuration says, there is an initialization segment or a typed error", () =>
  fc.assert(
    fc.property(
      fc.constantFrom("V_MPEG4/ISO/AVC", "A_AAC"),
      fc.array(fc.tuple(fc.nat(48), fc.nat(255)), { maxLength: 4 }),
      (codecId, flips) => {
        const codecPrivate = codecId === "A_AAC" ? Buffer.of(0x11, 0x90) : Buffer.from(AVCC);
        for (const [at, byte] of flips) codecPrivate[at % codecPrivate.length] = byte;
        try {
          expect(outline(initSegment(mp4Track({ codecId, codecPrivate })))[0]).toBe("ftyp 24");
        } catch (error) {
          if (!(error instanceof Mp4Error)) throw error;
        }
      },
    ),
    { numRuns: 2000 },
  ));
