import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mediaSegment, type MediaFrame } from "./media-segment.js";
import { boxAt, boxesIn, samplesIn } from "./testing/boxes.js";
import { partsOf, segmentsOf } from "./testing/segments.js";
import { mp4Track, type AudioTrack, type VideoTrack } from "./track.js";

const aac = mp4Track({ codecId: "A_AAC", codecPrivate: Buffer.from("1190", "hex") }) as AudioTrack; // 48 kHz, stereo
/** Of B-frames as deep as asked for, at 100 frames per second. */
const videoOf = (reorderFrames: number): VideoTrack => ({
  kind: "video",
  codec: "avc1.64001f",
  ticksPerMs: 90,
  frameTicks: 900,
  sampleEntry: Buffer.of(),
  width: 320,
  height: 240,
  pixelAspect: [1, 1],
  frameRate: 100,
  lengthBytes: 4,
  reorderFrames,
});

const frame = (timecodeMs: number, isKey = false, content = "00000001ff"): MediaFrame => ({
  timecodeMs,
  isKey,
  data: Buffer.from(content, "hex"),
});

test("the bytes of a video segment", () => {
  const { buffers, byteLength, durationMs } = mediaSegment({
    track: videoOf(1),
    sequence: 7,
    frames: [frame(1000, true, "000000026588"), frame(1020), frame(1010)],
    next: { timecodeMs: 1030, startsFragment: true },
  });
  const spaced = [
    "00000018 73747970 6d736468 00000000 6d736468 69736f36", // styp: msdh, compatible with msdh and iso6
    "00000088 6d6f6f66",
    "00000010 6d666864 00000000 00000007", // mfhd: sequence 7
    "00000070 74726166",
    "00000010 74666864 00020000 00000001", // tfhd: offsets from moof, track 1
    "00000014 74666474 01000000 0000000000015c0c", // tfdt: (1000 - 10) * 90
    "00000044 7472756e 01000f01 00000003 00000090", // trun: 3 samples, data 144 bytes behind moof's beginning
    "00000384 00000006 02000000 00000384", // 10 ms, 6 bytes, sync, shown 10 ms later
    "00000384 00000005 01010000 00000708", // shown 20 ms later
    "00000384 00000005 01010000 00000000",
    "00000018 6d646174 000000026588 00000001ff 00000001ff",
  ];
  expect(Buffer.concat(buffers).toString("hex")).toBe(spaced.join("").replaceAll(" ", ""));
  expect({ byteLength, durationMs }).toEqual({ byteLength: Buffer.concat(buffers).length, durationMs: 30 });
});

test("an audio segment says flags and offsets once, not for each sample", () => {
  const { buffers, durationMs } = mediaSegment({ track: aac, sequence: 1, frames: [frame(5, true), frame(26, true)] });
  const segment = Buffer.concat(buffers);
  expect(boxesIn(segment).map(({ type }) => type)).toEqual(["styp", "moof", "mdat"]);
  expect(boxAt(segment, "moof/traf/trun").toString("hex")).toBe(
    ["01000301 00000002 00000074", "00000400 00000005", "00000400 00000005"].join("").replaceAll(" ", ""),
  );
  expect(boxAt(segment, "moof/traf/tfhd").toString("hex")).toBe("000200200000000102000000");
  expect(samplesIn([segment]).map(({ decode, isSync }) => [decode, isSync])).toEqual([
    [240, true],
    [1264, true],
  ]);
  expect(durationMs).toBeCloseTo((2 * 1024) / 48, 9);
});

test("frames are not copied", () => {
  const frames = [frame(0, true), frame(10)];
  const { buffers } = mediaSegment({ track: videoOf(0), sequence: 0, frames });
  for (const [i, { data }] of frames.entries()) {
    expect(buffers[i + 1]?.buffer).toBe(data.buffer);
    expect(buffers[i + 1]?.byteOffset).toBe(data.byteOffset);
  }
});

describe("the last sample's duration", () => {
  test("leads to the next frame's decode time", () => {
    const frames = [frame(1000, true), frame(1020)];
    const video = { track: videoOf(0), frames };
    expect(durations({ ...video, next: { timecodeMs: 1070, startsFragment: true } })).toEqual([20, 50]);
    expect(durations({ ...video, next: { timecodeMs: 1070, startsFragment: false } })).toEqual([20, 50]);
    // With one frame reordered: the next in this fragment is decoded when 1020 is shown, a next fragment's at 1070 less a frame.
    const reordered = { track: videoOf(1), frames };
    expect(durations({ ...reordered, next: { timecodeMs: 1010, startsFragment: false } })).toEqual([10, 10]);
    expect(durations({ ...reordered, next: { timecodeMs: 1070, startsFragment: true } })).toEqual([10, 60]);
  });

  test("is that of the frames shown last, where no next frame is known", () => {
    expect(durations({ track: videoOf(0), frames: [frame(1000, true), frame(1020)] })).toEqual([20, 20]);
    expect(durations({ track: videoOf(1), frames: [frame(1000, true), frame(1040), frame(1020)] })).toEqual([
      10, 20, 30,
    ]);
  });

  test("is the usual one of a single frame without next", () => {
    expect(durations({ track: videoOf(0), frames: [frame(1000, true)] })).toEqual([10]);
    expect(durations({ track: videoOf(2), frames: [frame(1000, true)] })).toEqual([10]);
  });

  test("fits its field across a gap of days", () => {
    const next = { timecodeMs: 1e9, startsFragment: true };
    expect(durations({ track: videoOf(0), frames: [frame(1000, true)], next })).toEqual([0xffff_ffff / 90]);
  });
});

/** Streams of fragments of any decode order that the reorder depth allows, and any distances of frames. */
const stream = fc
  .record({
    reorderFrames: fc.nat(4),
    fragments: fc.array(
      fc.array(fc.record({ distanceMs: fc.integer({ min: 11, max: 400 }), pick: fc.nat() }), {
        minLength: 1,
        maxLength: 25,
      }),
      { minLength: 1, maxLength: 4 },
    ),
    startMs: fc.constantFrom(100, 1_795_188_690_051),
  })
  .map(({ reorderFrames, fragments, startMs }) => {
    let timeMs = startMs;
    return {
      track: videoOf(reorderFrames),
      fragments: fragments.map((fragment) => {
        const shown = fragment.map(({ distanceMs }) => (timeMs += distanceMs));
        return decodeOrder(
          shown,
          reorderFrames,
          fragment.map(({ pick }) => pick),
        ).map((at, i) => frame(at, i === 0));
      }),
    };
  });

test("for any decode order that the depth allows, decode times rise and never pass the presentation, across fragments", () =>
  fc.assert(
    fc.property(stream, ({ track, fragments }) => {
      const samples = samplesIn(segmentsOf(track, fragments));
      expect(samples.map(({ presentation }) => presentation)).toEqual(
        fragments.flat().map(({ timecodeMs }) => timecodeMs * 90),
      );
      for (const [i, { decode, presentation, duration }] of samples.entries()) {
        expect(decode).toBeLessThanOrEqual(presentation);
        expect(duration).toBeGreaterThan(0);
        expect(samples[i + 1]?.decode ?? decode + duration).toBe(decode + duration);
      }
    }),
    { numRuns: 300 },
  ));

describe("without a lead-in", () => {
  test("reordered pictures are decoded at once where the fragment begins", () => {
    const frames = [frame(1000, true), frame(1020), frame(1010)];
    const next = { timecodeMs: 1030, startsFragment: true };
    const { buffers, durationMs } = mediaSegment({ track: videoOf(1), sequence: 1, frames, next, hasLeadIn: false });
    const samples = samplesIn([Buffer.concat(buffers)]);
    expect(samples.map(({ decode, presentation }) => [decode, presentation])).toEqual([
      [90_000, 90_000],
      [90_001, 91_800],
      [90_900, 90_900],
    ]);
    expect(durationMs).toBe(30);
  });

  test("a fragment of any order is decoded from its own start to that of the next", () =>
    fc.assert(
      fc.property(stream, ({ track, fragments }) => {
        const samples = samplesIn(segmentsOf(track, fragments, undefined, false));
        const starts = fragments.map(([first]) => (first?.timecodeMs ?? 0) * 90);
        expect(samples.map(({ decode }) => decode)).toEqual(expect.arrayContaining(starts));
        for (const [i, { decode, duration }] of samples.entries()) {
          expect(duration).toBeGreaterThan(0);
          expect(samples[i + 1]?.decode ?? decode + duration).toBe(decode + duration);
        }
      }),
    ));
});

test("however a fragment is cut into parts, its samples and their times are the same", () =>
  fc.assert(
    fc.property(stream, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), ({ track, fragments }, sizes) => {
      expect(samplesIn(segmentsOf(track, fragments, partsOf(sizes)))).toEqual(samplesIn(segmentsOf(track, fragments)));
    }),
    { numRuns: 300 },
  ));

test("any order and any times make samples whose decode times rise and whose presentation is as given", () =>
  fc.assert(
    fc.property(
      fc.array(fc.nat(1e6), { minLength: 1, maxLength: 40 }),
      fc.nat(16),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (times, depth, isAudio, sizes) => {
        const track = isAudio ? aac : videoOf(depth);
        const fragment = times.map((at) => frame(at));
        const samples = samplesIn(segmentsOf(track, [fragment]));
        expect(samplesIn(segmentsOf(track, [fragment], partsOf(sizes)))).toEqual(samples);
        for (const [i, { decode, presentation }] of samples.entries()) {
          expect(decode).toBeGreaterThan(samples[i - 1]?.decode ?? -1);
          expect(presentation).toBe(isAudio ? decode : (times[i] ?? 0) * 90);
        }
      },
    ),
  ));

describe("refuses with InvalidMediaFrame", () => {
  test.each([
    ["no frame", videoOf(0), []],
    ["a time before 0", videoOf(0), [frame(-1)]],
    ["no time", videoOf(0), [frame(Number.NaN)]],
    ["a time in another geological age", videoOf(0), [frame(1e14)]],
    ["hours within a fragment", videoOf(2), [frame(1e9), frame(2e9), frame(3e9), frame(1e5)]],
    ["a frame of no bytes", videoOf(0), [frame(0, true, "")]],
    ["a NAL unit of no bytes", videoOf(0), [frame(0, true, "00000000")]],
    ["a NAL unit past the end", videoOf(0), [frame(0, true, "00000003ffff")]],
    ["bytes behind the last NAL unit", videoOf(0), [frame(0, true, "00000001ff00")]],
    ["start codes", videoOf(0), [frame(0, true, "0000000165880000000141")]],
    ["an audio frame of no bytes", aac, [frame(0, true, "")]],
  ])("%s", (_name, track, frames) => {
    expect(() => mediaSegment({ track, sequence: 0, frames })).toThrow(
      expect.objectContaining({ name: "Mp4Error", code: "InvalidMediaFrame" }),
    );
  });
});

/** One of the decode orders in which no frame has more than `depth` frames before it that are shown after it. */
function decodeOrder(shown: readonly number[], depth: number, picks: readonly number[]): number[] {
  const waiting = shown.map((at) => ({ at, overtaken: 0 }));
  const order: number[] = [];
  for (const [i, pick] of picks.entries()) {
    const full = waiting.findIndex(({ overtaken }) => overtaken >= depth);
    const choices = full === -1 ? waiting.length : full + 1;
    // A fragment's first frame is the first shown.
    const chosen = i === 0 ? 0 : pick % choices;
    for (const frame of waiting.slice(0, chosen)) frame.overtaken++;
    const [{ at } = { at: 0 }] = waiting.splice(chosen, 1);
    order.push(at);
  }
  return order;
}

function durations(input: Omit<Parameters<typeof mediaSegment>[0], "sequence">): number[] {
  const { buffers } = mediaSegment({ sequence: 0, ...input });
  return samplesIn([Buffer.concat(buffers)]).map(({ duration }) => duration / 90);
}
