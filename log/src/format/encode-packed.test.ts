import fc from "fast-check";
import { expect, test } from "vitest";
import { LogError } from "../api.js";
import { SlabPool } from "../slab-pool.js";
import { packed } from "../testing/packed.js";
import { AppendMemory } from "./append-memory.js";
import { BatchChecksum } from "./commit-mark.js";
import { encodePacked } from "./encode-packed.js";
import { type EncodedAppend, encodeRecords, stampAppend } from "./encoded-append.js";
import { framePayloadBytesMax } from "./frame.js";

const place = { shard: 5, position: 2 ** 40, arrivalMs: 1_700_000_000_000 };

/** Memory that is full of ones, so that what nobody writes shows. */
function usedMemory(): AppendMemory {
  const pool = new SlabPool(1 << 20);
  for (const slab of [pool.take(100_000), pool.take(200_000)]) pool.giveBack(slab.fill(1));
  return new AppendMemory(pool);
}

/** As the append goes to disk. */
function bytesOf(append: EncodedAppend): Buffer {
  stampAppend(append, { fileId: { low: 1, high: 2 }, batch: 9, offset: 4096, ordinal: 2 }, new BatchChecksum());
  const { block, from, to, buffers } = append;
  return Buffer.concat(buffers ?? [block.slab.subarray(from, to)]);
}

const payloads = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.integer({ min: 8_100, max: 8_300 }).map((length) => Buffer.alloc(length, 7)),
  ),
  { minLength: 1, maxLength: 8 },
);

test("packed frames become the same bytes as frames that are given one by one", () => {
  fc.assert(
    fc.property(
      fc.array(payloads, { minLength: 1, maxLength: 3 }),
      fc.uint8Array({ maxLength: 9 }),
      (appends, other) => {
        const memory = usedMemory();
        for (const given of appends) {
          const append = encodePacked(packed(given, Buffer.from(other)), place, () => memory);
          const expected = encodeRecords(
            given.map((data) => ({ data })),
            place,
          );
          expect(bytesOf(append).equals(bytesOf(expected))).toBe(true);
          const { frames, bytes, payloadBytes } = expected;
          expect(append).toMatchObject({ frames, bytes, payloadBytes });
        }
      },
    ),
  );
});

test("a payload over the bound is refused before any memory is taken", () => {
  const tooLong = packed([Buffer.alloc(1), Buffer.alloc(framePayloadBytesMax + 1)], Buffer.alloc(0));
  const encode = (): EncodedAppend =>
    encodePacked(tooLong, place, () => {
      throw new Error("memory was asked for");
    });
  expect(encode).toThrow(LogError);
  expect(encode).toThrow("a frame of 16777217 bytes; the most is 16777216");
});
