import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { shortChecksum, wordsChecksum } from "./checksum.js";

test("both checksums are zlib's", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 120 }), fc.nat(), fc.nat(), (bytes, a, b) => {
      const [from, to] = [a % bytes.length, b % bytes.length].toSorted((x, y) => x - y) as [number, number];
      expect(shortChecksum(bytes, from, to)).toBe(crc32(bytes.subarray(from, to)));
      expect(shortChecksum(bytes, from, to, crc32(bytes.subarray(0, from)))).toBe(crc32(bytes.subarray(0, to)));
      const words = from + Math.floor((to - from) / 4) * 4;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      expect(wordsChecksum(view, from, words)).toBe(crc32(bytes.subarray(from, words)));
    }),
    { numRuns: 500 },
  );
});
