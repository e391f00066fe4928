import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { FramePage, ReadLimits } from "../api.js";
import { FrameKind, frameBytes, frameHeaderBytes, stampFrame, writeFrame } from "../format/frame.js";
import { FramePiece } from "./frame-piece.js";
import { PageReading } from "./page-reading.js";
import { parseFrame } from "./parse-frames.js";
import { type Stretch, walkFrames } from "./walk-frames.js";

const SHARD = 7;

interface TestFrame {
  readonly shard: number;
  readonly kind: number;
  readonly sectionBytes: number;
  readonly payload: Uint8Array;
  /** How many positions before it are not there. */
  readonly gap: number;
}

function bytesOf(frames: readonly TestFrame[], firstPosition: number): Buffer {
  let position = firstPosition;
  const written = frames.map(({ shard, kind, sectionBytes, payload, gap }, i) => {
    position += gap;
    const bytes = Buffer.alloc(frameBytes(sectionBytes, payload.length));
    bytes.fill(i, frameHeaderBytes, frameHeaderBytes + sectionBytes);
    bytes.set(payload, frameHeaderBytes + sectionBytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const payloadChecksum = crc32(bytes.subarray(frameHeaderBytes));
    const payloadBytes = payload.length;
    const arrivalMs = 1e12 + (i >> 1);
    writeFrame(view, 0, { kind, sectionBytes, payloadBytes, payloadChecksum, shard, position, arrivalMs, ordinal: i });
    stampFrame(view, 0, { fileId: { low: 1, high: 2 }, batch: 3, ordinal: i, offset: 4096 });
    if (shard === SHARD && kind === FrameKind.record) position += 1;
    return bytes;
  });
  return Buffer.concat(written);
}

interface Outcome {
  readonly records: unknown[];
  readonly page: Omit<FramePage, "pieces">;
  readonly damage: (readonly [number, number])[];
}

function outcomeOf(reading: PageReading, damage: (readonly [number, number])[]): Outcome {
  const { pieces, ...page } = reading.page();
  const records = pieces.flatMap((piece) =>
    Array.from({ length: piece.frames }, (_, i) => ({
      position: piece.position(i),
      arrivalMs: piece.arrivalMs(i),
      frameAt: piece.frameAt(i),
      payload: piece.payload(i).toString("hex"),
    })),
  );
  return { records, page, damage };
}

function walked(stretch: Stretch, limits: ReadLimits, from: number): Outcome {
  const reading = new PageReading(limits, from);
  const damage: (readonly [number, number])[] = [];
  walkFrames(stretch, reading, (at, end) => damage.push([at, end]));
  return outcomeOf(reading, damage);
}

/** The same by looking at each place. */
function looked({ buffer, from, end, shard, stop }: Stretch, limits: ReadLimits, position: number): Outcome {
  const reading = new PageReading(limits, position);
  const damage: (readonly [number, number])[] = [];
  const bytes = buffer.subarray(0, end);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = from; at < end && !reading.isFull;) {
    const { next: low } = reading;
    const found = parseFrame(view, bytes, at, shard, (header) => header.shard === shard && header.position >= low);
    const foundEnd = found.is === "cut" ? end : found.end;
    if (found.is === "frame" && found.header.kind === FrameKind.record && found.header.position >= low) {
      const { position: found_, arrivalMs, sectionBytes, payloadBytes } = found.header;
      if (found_ >= stop) break;
      const payloadAt = at + frameHeaderBytes + sectionBytes;
      if (reading.isTooMuch(payloadBytes)) break;
      const entry = { position: found_, arrivalMs, at, payloadAt, payloadBytes };
      reading.add(FramePiece.single(buffer, entry), payloadBytes);
    } else if (found.is === "damage" || found.is === "cut") damage.push([at, foundEnd]);
    at = foundEnd;
  }
  return outcomeOf(reading, damage);
}

const frame: fc.Arbitrary<TestFrame> = fc.record({
  shard: fc.constantFrom(SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, 8),
  kind: fc.constantFrom(...Array.from({ length: 9 }, () => FrameKind.record), FrameKind.state),
  sectionBytes: fc.constantFrom(0, 0, 0, 32, 288),
  payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 180, maxLength: 1500, size: "max" })),
  gap: fc.constantFrom(0, 0, 0, 0, 3),
});

test("the kernel finds what is found by looking at each place, in intact bytes and in damaged ones", () =>
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 20 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
      fc.constantFrom(0, 5, 2 ** 40),
      fc.record({ frames: fc.integer({ min: 1, max: 25 }), bytes: fc.nat(12_000) }),
      fc.record({ skipped: fc.nat(4), stopped: fc.nat(30), cut: fc.constantFrom(0, 0, 0, 8, 64, 500) }),
      (frames, flips, firstPosition, limits, { skipped, stopped, cut }) => {
        const buffer = bytesOf(frames, firstPosition);
        for (const [at, change] of buffer.length > 0 ? flips : []) buffer[at % buffer.length]! ^= change;
        const end = Math.max(0, buffer.length - cut);
        const stop = firstPosition + 25 - Math.max(0, stopped - 20);
        const stretch = { buffer, from: 0, end, shard: SHARD, stop };
        const from = firstPosition + skipped;
        expect(walked(stretch, limits, from)).toEqual(looked(stretch, limits, from));
      },
    ),
    { numRuns: 400 },
  ));

test("frames of any length, also longer than what the kernel takes at once", () => {
  const lengths = [
    0,
    1,
    7,
    8,
    9,
    135,
    136,
    191,
    192,
    193,
    207,
    208,
    1000,
    65_536,
    131_000,
    131_016,
    131_072,
    3 << 20,
    1,
  ];
  const frames = lengths.map((length, i) => ({
    shard: SHARD,
    kind: FrameKind.record,
    sectionBytes: i % 3 === 0 ? 32 : 0,
    payload: Buffer.alloc(length, `${i} of ${length} bytes`),
    gap: 0,
  }));
  const buffer = bytesOf(frames, 0);
  const stretch = { buffer, from: 0, end: buffer.length, shard: SHARD, stop: lengths.length };
  const { records, damage } = walked(stretch, { frames: 100, bytes: 100 << 20 }, 0);
  expect(damage).toEqual([]);
  expect(records.map((record) => (record as { payload: string }).payload.length / 2)).toEqual(lengths);
});
