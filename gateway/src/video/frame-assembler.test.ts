import type { FrameSlice } from "@headwater/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameAssembler } from "./frame-assembler.js";

function slicesOf(data: Buffer, sliceBytes: number, timeMs: number): FrameSlice[] {
  return Array.from({ length: Math.ceil(data.length / sliceBytes) }, (_, n) => ({
    track: 1,
    isKey: timeMs === 0,
    timeMs,
    frameBytes: data.length,
    offset: n * sliceBytes,
    data: data.subarray(n * sliceBytes, (n + 1) * sliceBytes),
  }));
}

test("frames come out as they were cut, whatever the cuts", () =>
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 60 })), {
        maxLength: 5,
      }),
      (given) => {
        const assembler = new FrameAssembler();
        const frames = given.map(([data]) => Buffer.from(data));
        const slices = given.flatMap(([, sliceBytes], i) => slicesOf(frames[i] ?? Buffer.of(), sliceBytes, i * 40));
        const found = slices.map((slice) => assembler.add(slice)).filter((frame) => frame !== undefined);
        expect(found.map(({ data }) => Buffer.from(data))).toEqual(frames);
        expect(found.map(({ relativeTimecode }) => relativeTimecode)).toEqual(frames.map((_, i) => i * 40));
        expect(assembler.cut).toBe(0);
      },
    ),
  ));

test("a frame of which a slice is missing is left out and counted, and the next comes whole", () => {
  const assembler = new FrameAssembler();
  const [first, , third] = slicesOf(Buffer.from("abcdef"), 2, 0);
  expect(assembler.add(first!)).toBeUndefined();
  expect(assembler.add(third!)).toBeUndefined();
  const [next] = slicesOf(Buffer.from("whole"), 10, 40);
  expect(assembler.add(next!)).toMatchObject({ relativeTimecode: 40 });
  expect(assembler.cut).toBe(1);
});

test("a frame whose end never comes is counted", () => {
  const assembler = new FrameAssembler();
  const [first] = slicesOf(Buffer.from("abcdef"), 2, 0);
  assembler.add(first!);
  expect(assembler.cut).toBe(1);
});
