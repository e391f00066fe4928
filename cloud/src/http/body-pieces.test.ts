import { SlabPool } from "@headwater/log";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { RequestMemory } from "../request-memory.js";
import { BodyPieces } from "./body-pieces.js";

const BYTES_MAX = 1 << 20;

/** Lengths at which chunks are treated differently, and the memory around each. */
const chunk = fc.record({
  bytes: fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 80_000 }), fc.constantFrom(16_383, 16_384, 65_536)),
  around: fc.constantFrom(0, 9, 100_000),
});

/** Bytes that tell where they are. */
function bodyOf(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff));
}

test("a body is the same in whatever chunks it came, by any stretch and as a whole", () =>
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 12 }),
      fc.boolean(),
      fc.boolean(),
      fc.nat({ max: 2 ** 32 - 1 }),
      (chunks, isAnnounced, hasMemory, seed) => {
        const sent = bodyOf(chunks.reduce((sum, { bytes }) => sum + bytes, 0));
        const memory = hasMemory ? new RequestMemory(new SlabPool(BYTES_MAX)) : undefined;
        const pieces = new BodyPieces(isAnnounced ? sent.length : BYTES_MAX, memory);
        let at = 0;
        for (const { bytes, around } of chunks) {
          const room = new ArrayBuffer(bytes + around);
          const own = Buffer.from(room, around >> 1, bytes);
          sent.copy(own, 0, at, (at += bytes));
          pieces.push(own);
        }
        const body = pieces.end();
        expect(body.length).toBe(sent.length);
        const from = seed % (sent.length + 1);
        const to = from + (Math.floor(seed / 7) % (sent.length - from + 1));
        const target = Buffer.alloc(to - from + 2);
        body.copy(target, 1, from, to);
        expect(target.equals(Buffer.concat([Buffer.alloc(1), sent.subarray(from, to), Buffer.alloc(1)]))).toBe(true);
        expect(body.latin1(from, to)).toBe(sent.toString("latin1", from, to));
        expect(body.whole().equals(sent)).toBe(true);
        expect(body.latin1(from, to)).toBe(sent.toString("latin1", from, to));
      },
    ),
  ));

/** Whether a chunk is still looked at where it came, behind another. */
function isKept(bytes: number, memoryBytes: number): boolean {
  const pieces = new BodyPieces(BYTES_MAX, undefined);
  const own = Buffer.from(new ArrayBuffer(memoryBytes), 0, bytes);
  pieces.push(Buffer.from("first"));
  pieces.push(own);
  own.fill("k");
  return pieces.end().latin1(5, 6) === "k";
}

test("only large chunks that fill their memory are kept: others would hold more than they are", () => {
  expect(isKept(65_536, 65_536)).toBe(true);
  expect(isKept(16_384, 20_000)).toBe(true);
  expect(isKept(16_383, 16_383)).toBe(false);
  expect(isKept(16_384, 65_536)).toBe(false);
});

/** Gives out memory, and tells how much. */
function takingInto(taken: number[]): RequestMemory {
  return { take: (bytes: number) => (taken.push(bytes), Buffer.alloc(bytes)) } as unknown as RequestMemory;
}

test("what is copied goes into the request's memory, and takes no more of it than the body may need", () => {
  const taken: number[] = [];
  const pieces = new BodyPieces(165_536, takingInto(taken));
  for (let i = 0; i < 50; i++) pieces.push(Buffer.alloc(1000));
  pieces.push(Buffer.from(new ArrayBuffer(65_536)));
  for (let i = 0; i < 50; i++) pieces.push(Buffer.alloc(1000));
  expect(pieces.end().length).toBe(165_536);
  // Of the second one 15,536 bytes are for what follows the large chunk.
  expect(taken).toEqual([65_536, 34_464]);
});

test("a body is made one piece once, in the request's memory", () => {
  const taken: number[] = [];
  const pieces = new BodyPieces(131_072, takingInto(taken));
  for (let i = 0; i < 2; i++) pieces.push(Buffer.from(new ArrayBuffer(65_536)));
  const body = pieces.end();
  expect(taken).toEqual([]);
  const whole = body.whole();
  expect(body.whole()).toBe(whole);
  expect(taken).toEqual([131_072]);
});
