import { encodePiece, pieceLimits } from "@headwater/protocol";
import type { WrittenTrack } from "@headwater/protocol/matroska";
import * as fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { Counts } from "../../counts.js";
import { type CutDrop, type CutPiece, FragmentCutter, fragmentLimits, PIECE_MS } from "./fragment-cutter.js";

const video: WrittenTrack = { number: 1, type: "video", codecId: "V_MPEG4/ISO/AVC", language: "und" };
const audio: WrittenTrack = { number: 2, type: "audio", codecId: "A_AAC", language: "und" };

interface Frame {
  readonly track?: 1 | 2;
  readonly isKey?: boolean;
  readonly timeMs: number;
  readonly bytes?: number;
  /** Its arrival; its own time unless given. */
  readonly arrivedMs?: number;
}

let frames: Counts<CutDrop>;
let gops: Counts<CutDrop>;
let cutter: FragmentCutter;
beforeEach(() => {
  begin();
});

function begin(): void {
  [frames, gops, pushed] = [new Counts(), new Counts(), []];
  cutter = new FragmentCutter({
    frames: (cause, count) => frames.add(cause, count),
    gop: (cause) => gops.add(cause),
  });
  cutter.setTracks([video, audio]);
}

/** All that was pushed. */
let pushed: Buffer[];
function push({ track = 1, isKey = false, timeMs, bytes = 10, arrivedMs = timeMs }: Frame): CutPiece[] {
  const data = Buffer.alloc(bytes, pushed.length % 251);
  pushed.push(data);
  return cutter.push({ track, isVideo: track === 1, isKey, timeMs, data }, arrivedMs);
}

/** Fragments, each as its frames put together again; throws where pieces do not fit together. */
function assemble(pieces: readonly CutPiece[]): { times: number[]; chunks: Uint8Array[]; isEnded: boolean }[] {
  const fragments: { times: number[]; chunks: Uint8Array[]; isEnded: boolean; index: number }[] = [];
  for (const piece of pieces) {
    // The protocol's own rules: tracks, sizes, where slices may begin and end.
    encodePiece({ stream: "s", fragment: 1, producerMs: 0, clockUnsynchronised: false, ...piece });
    if (piece.index === 0) fragments.push({ times: [], chunks: [], isEnded: false, index: 0 });
    const fragment = fragments.at(-1);
    if (fragment === undefined || fragment.isEnded) throw new Error("a piece of no fragment");
    expect(piece.index).toBe(fragment.index++);
    for (const { offset, data, timeMs } of piece.slices) {
      if (offset === 0) fragment.times.push(piece.fragmentMs + timeMs);
      fragment.chunks.push(data);
    }
    fragment.isEnded = piece.isLast;
  }
  return fragments;
}

test("a fragment begins at a key frame, and ends before the next", () => {
  const pieces = [0, 500, 1000, 1500, 2000, 2500].flatMap((timeMs, i) => push({ timeMs, isKey: i % 2 === 0 }));
  expect(assemble([...pieces, ...cutter.end()])).toMatchObject([
    { times: [0, 500], isEnded: true },
    { times: [1000, 1500], isEnded: true },
    { times: [2000, 2500], isEnded: true },
  ]);
});

test("what comes before the first key frame is dropped, and counted", () => {
  const pieces = [push({ timeMs: 0 }), push({ timeMs: 1, track: 2, isKey: true }), push({ timeMs: 2, isKey: true })];
  expect(assemble([...pieces.flat(), ...cutter.end()])).toMatchObject([{ times: [2] }]);
  expect(frames.toObject()).toEqual({ "before-key-frame": 2 });
  expect(gops.toObject()).toEqual({});
});

test("fragments never overlap, though a key frame say an earlier time", () => {
  push({ timeMs: 0, isKey: true });
  push({ timeMs: 2000 });
  cutter.end();
  push({ timeMs: 1500, isKey: true });
  expect(cutter.end()).toMatchObject([{ fragmentMs: 2001, slices: [{ timeMs: -501 }] }]);
});

test("key frames that come close share a fragment", () => {
  const pieces = Array.from({ length: 20 }, (_, i) => push({ timeMs: i * 100, isKey: true })).flat();
  const starts = assemble([...pieces, ...cutter.end()]).map(({ times }) => times[0]);
  expect(starts).toEqual([0, 500, 1000, 1500]);
});

test("a piece goes when its first frame has waited, and is due then", () => {
  expect(cutter.dueMs).toBeUndefined();
  expect(push({ timeMs: 0, isKey: true, arrivedMs: 1000 })).toEqual([]);
  expect(cutter.dueMs).toBe(1000 + PIECE_MS);
  expect(push({ timeMs: 33, arrivedMs: 1199 })).toEqual([]);
  expect(push({ timeMs: 66, arrivedMs: 1200 })).toMatchObject([{ index: 0, slices: [{ timeMs: 0 }, { timeMs: 33 }] }]);
  expect(cutter.dueMs).toBe(1400);
  expect(cutter.flush()).toMatchObject([{ index: 1, slices: [{ timeMs: 66 }] }]);
  expect(cutter.flush()).toEqual([]);
  expect(cutter.dueMs).toBeUndefined();
});

test.each([
  ["a fragment too long", "fragment-too-long", { timeMs: fragmentLimits.durationMsMax + 1 }],
  ["a frame too large", "frame-too-large", { timeMs: 10, bytes: pieceLimits.frameBytesMax + 1 }],
  ["a frame of another time line", "time-jump", { timeMs: -fragmentLimits.durationMsMax - 1 }],
])("%s ends the fragment, and drops what comes before the next key frame", (_name, cause, bad) => {
  const pieces = [
    push({ timeMs: 0, isKey: true }),
    push(bad),
    push({ timeMs: 30_000 }),
    push({ timeMs: 30_033, isKey: true }),
  ].flat();
  expect(assemble([...pieces, ...cutter.end()])).toMatchObject([
    { times: [0], isEnded: true },
    { times: [30_033], isEnded: true },
  ]);
  expect(frames.toObject()).toEqual({ [cause]: 2 });
  expect(gops.toObject()).toEqual({ [cause]: 1 });
});

test.each([
  ["too large", pieceLimits.frameBytesMax + 1, "frame-too-large"],
  ["empty", 0, "malformed-frame"],
])("a key frame that is %s begins no fragment", (_name, bytes, cause) => {
  const pieces = [
    push({ timeMs: 0, isKey: true }),
    push({ timeMs: 1000, isKey: true, bytes }),
    push({ timeMs: 1033 }),
    push({ timeMs: 2000, isKey: true }),
  ].flat();
  expect(assemble([...pieces, ...cutter.end()])).toMatchObject([{ times: [0] }, { times: [2000] }]);
  expect(frames.toObject()).toEqual({ [cause]: 2 });
  expect(gops.toObject()).toEqual({ [cause]: 1 });
});

test("a fragment of too many bytes ends", () => {
  const bytes = 8 * 1024 * 1024;
  const pieces = Array.from({ length: 8 }, (_, i) => push({ timeMs: i * 33, isKey: i === 0, bytes })).flat();
  const [fragment, ...others] = assemble([...pieces, ...cutter.end()]);
  expect(Buffer.concat(fragment?.chunks ?? []).length).toBe(fragmentLimits.bytesMax);
  expect(others).toEqual([]);
  expect(frames.toObject()).toEqual({ "fragment-too-large": 3 });
});

test("a fragment that is abandoned gives no piece more, and its waiting frames are counted", () => {
  push({ timeMs: 0, isKey: true });
  push({ timeMs: 33 });
  cutter.abandon("disk-full");
  expect(cutter.dueMs).toBeUndefined();
  expect(push({ timeMs: 66 })).toEqual([]);
  expect(push({ timeMs: 100, isKey: true })).toEqual([]);
  expect(cutter.end()).toMatchObject([{ index: 0, fragmentMs: 100, isLast: true }]);
  expect(frames.toObject()).toEqual({ "disk-full": 3 });
  expect(gops.toObject()).toEqual({ "disk-full": 1 });
});

test("other tracks end the fragment; the next begins with them at a key frame", () => {
  push({ timeMs: 0, isKey: true });
  expect(cutter.setTracks([video])).toMatchObject([{ isLast: true, tracks: [video, audio] }]);
  push({ timeMs: 33 });
  push({ timeMs: 66, isKey: true });
  expect(cutter.end()).toMatchObject([{ index: 0, tracks: [video] }]);
});

test("whatever comes, pieces keep the rules, and nothing but counted frames is missing", () => {
  const frame = fc.record({
    track: fc.constantFrom<1 | 2>(1, 1, 1, 2),
    isKey: fc.boolean(),
    stepMs: fc.oneof(fc.integer({ min: -60, max: 300 }), fc.integer({ min: 0, max: 25_000 })),
    bytes: fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 60_000, max: 600_000 })),
    lateMs: fc.nat(400),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 60 }), (script) => {
      begin();
      let timeMs = 0;
      const pieces = script.flatMap(({ stepMs, lateMs, bytes, ...rest }) => {
        timeMs += stepMs;
        return push({ ...rest, bytes, timeMs, arrivedMs: timeMs + lateMs });
      });
      const fragments = assemble([...pieces, ...cutter.end()]);
      expect(fragments.every(({ isEnded }) => isEnded)).toBe(true);
      const starts = pieces.filter(({ index }) => index === 0).map(({ fragmentMs }) => fragmentMs);
      expect(starts.every((start, i) => i === 0 || start > (starts[i - 1] ?? 0))).toBe(true);
      const dropped = Object.values(frames.toObject()).reduce((sum, count) => sum + count, 0);
      const kept = fragments.flatMap(({ times }) => times).length;
      expect(kept + dropped).toBe(script.length);
      if (dropped > 0) return;
      expect(Buffer.concat(fragments.flatMap(({ chunks }) => chunks)).equals(Buffer.concat(pushed))).toBe(true);
    }),
    { numRuns: 60 },
  );
});
