import { describe, expect, test } from "vitest";
import { initSegment } from "./init-segment.js";
import { samplesIn } from "./testing/boxes.js";
import { encoded, fragmentsOf } from "./testing/encoded.js";
import { md5Of, probed } from "./testing/probe.js";
import { partsOf, segmentsOf } from "./testing/segments.js";
import { mp4Track } from "./track.js";

// Real encodes, read back by ffmpeg: what it sees is what was put in.

const video = (source: string, encoder: string): string =>
  `-f lavfi -i testsrc2=${source} -pix_fmt yuv420p -c:v ${encoder}`;
const QVGA_30 = "size=320x240:rate=30:duration=1.5";
const X265 = "libx265 -preset ultrafast -x265-params log-level=none:keyint=20";

const closedGops = [
  [
    "no B-frames, 15 fps",
    video("size=320x240:rate=15:duration=1.5", "libx264 -preset veryfast -bf 0 -g 15"),
    [320, 240, 15, 0],
  ],
  [
    "baseline",
    video(QVGA_30, "libx264 -preset veryfast -profile:v baseline -tune zerolatency -g 20"),
    [320, 240, 30, 0],
  ],
  ["2 B-frames", video(QVGA_30, "libx264 -preset veryfast -bf 2 -g 20 -x264-params b-pyramid=none"), [320, 240, 30, 1]],
  [
    "3 B-frames as a pyramid, 29.97 fps",
    video(
      "size=320x240:rate=30000/1001:duration=1.5",
      "libx264 -preset veryfast -bf 3 -b_strategy 0 -g 20 -x264-params b-pyramid=normal",
    ),
    [320, 240, 30_000 / 1001, 2],
  ],
  ["720p", video("size=1280x720:rate=30:duration=0.4", "libx264 -preset veryfast -bf 2 -g 10"), [1280, 720, 30, 2]],
  [
    "cropped, of pixels that are not square",
    video("size=314x238:rate=25:duration=1", "libx264 -preset veryfast -bf 2 -g 12 -aspect 16:9"),
    [314, 238, 25, 2],
  ],
  ["interlaced", video(QVGA_30, "libx264 -preset veryfast -bf 2 -g 20 -flags +ildct+ilme"), [320, 240, 30, 2]],
  ["H.265", video(QVGA_30, `${X265}:bframes=3:open-gop=0`), [320, 240, 30, 2]],
] as const;

describe.each(closedGops)("%s", (_name, words, [width, height, frameRate, reorderFrames]) => {
  const { source, frames } = encoded(words);
  const track = mp4Track(source);
  const segments = segmentsOf(track, fragmentsOf(frames));
  const samples = samplesIn(segments);
  const whole = probed([initSegment(track), ...segments]);

  test("a player's facts are right", () => {
    expect(track).toMatchObject({ kind: "video", width, height, reorderFrames });
    expect(track).toMatchObject({ frameRate: expect.closeTo(frameRate, 3) as number });
    expect(whole.stream).toMatchObject({ width, height });
  });

  test("every frame has its bytes, its time and its key flag", () => {
    expect(whole.packets.map(({ pts, isKey, md5 }) => ({ pts, isKey, md5 }))).toEqual(
      frames.map(({ timecodeMs, isKey, data }) => ({ pts: timecodeMs * 90, isKey, md5: md5Of(data) })),
    );
  });

  test("decode times never pass the presentation, and lead without gap from one frame to the next", () => {
    expect(whole.packets.map(({ dts }) => dts)).toEqual(samples.map(({ decode }) => decode));
    for (const [i, { decode, presentation, duration }] of samples.entries()) {
      expect(decode).toBeLessThanOrEqual(presentation);
      expect(samples[i + 1]?.decode ?? decode + duration).toBe(decode + duration);
      // Times are rounded to milliseconds, so a duration is off by less than two.
      expect(Math.abs(duration - 90_000 / frameRate)).toBeLessThan(180);
    }
  });

  test("the decoder gets all frames without complaint", () => {
    expect(whole.complaints).toBe("");
    expect(whole.framesDecoded).toBe(frames.length);
  });

  test("parts are the same samples", () => {
    const parts = segmentsOf(track, fragmentsOf(frames), partsOf([1, 2, 3, 4, 5]));
    expect(samplesIn(parts)).toEqual(samples);
    const { packets, complaints } = probed([initSegment(track), ...parts]);
    expect(packets).toEqual(whole.packets);
    expect(complaints).toBe("");
  });
});

// Fragments that begin with a picture which pictures shown before it also need. How many there are is not known when it
// is written, so decode times may pass the presentation; ffmpeg then shifts all times alike.
describe.each([
  [
    "H.264",
    video(QVGA_30, "libx264 -preset veryfast -bf 3 -b_strategy 0 -g 20 -x264-params open-gop=1:b-pyramid=none"),
  ],
  ["H.265", video(QVGA_30, `${X265}:bframes=4:open-gop=1`)],
])("open groups of pictures: %s", (_name, words) => {
  const { source, frames } = encoded(words);
  const track = mp4Track(source);
  const fragments = fragmentsOf(frames);
  const segments = segmentsOf(track, fragments);
  const samples = samplesIn(segments);

  test("every frame is there at its time, and decodes", () => {
    expect(fragments.some(([first, second]) => (second?.timecodeMs ?? 0) < (first?.timecodeMs ?? 0))).toBe(true);
    expect(samples.map(({ presentation }) => presentation)).toEqual(frames.map(({ timecodeMs }) => timecodeMs * 90));
    const { packets, complaints, framesDecoded } = probed([initSegment(track), ...segments]);
    expect(new Set(packets.map(({ pts }, i) => pts - (samples[i]?.presentation ?? 0))).size).toBe(1);
    expect(packets.map(({ md5 }) => md5)).toEqual(frames.map(({ data }) => md5Of(data)));
    expect(complaints).toBe("");
    expect(framesDecoded).toBe(frames.length);
  });

  test("decode times rise, and parts are the same samples", () => {
    for (const [i, { decode }] of samples.entries()) expect(decode).toBeGreaterThan(samples[i - 1]?.decode ?? -1);
    expect(samplesIn(segmentsOf(track, fragments, partsOf([3, 1])))).toEqual(samples);
  });
});
