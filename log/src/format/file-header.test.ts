import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFileHeader, encodeFileHeader, fileHeaderBytes } from "./file-header.js";

const fileId = { low: 0x89abcdef, high: 0x01234567 };
const header = {
  fileId,
  fileNumber: 7,
  shard: 0xffffffff,
  links: [{ fileId: { low: 1, high: 2 }, sealedBytes: 0x1_0000_0008 }],
};

test("the bytes on disk, written by the layout above the code with Python's zlib.crc32, stay as they are", () => {
  const bytes = [
    "4844574c4f470d0a010000007ad7987cefcdab896745230107000000ffffffff01000000000000000100000002000000",
    "0800000001000000",
  ].join("");
  expect(encodeFileHeader(header).toString("hex")).toBe(bytes);
  expect(decodeFileHeader(Buffer.from(bytes, "hex"))).toEqual(header);
});

const u32 = fc.nat(0xffffffff);
const id = fc.record({ low: u32, high: u32 });
const headers = fc.record({
  fileId: id,
  fileNumber: u32,
  shard: u32,
  links: fc.array(fc.record({ fileId: id, sealedBytes: fc.maxSafeNat() }), { maxLength: 20 }),
});

test("headers are read as they were written, whatever follows them, and not where they are cut", () => {
  fc.assert(
    fc.property(headers, fc.uint8Array({ maxLength: 50 }), fc.nat(), (written, behind, cut) => {
      const bytes = encodeFileHeader(written);
      expect(bytes).toHaveLength(fileHeaderBytes(written.links.length));
      expect(decodeFileHeader(Buffer.concat([bytes, behind]))).toEqual(written);
      expect(decodeFileHeader(bytes.subarray(0, cut % bytes.length))).toBeUndefined();
    }),
  );
});

test("a header with any other bit is none", () => {
  const bytes = encodeFileHeader(header);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >>> 3]! ^= 1 << (bit & 7);
    expect(decodeFileHeader(bytes)).toBeUndefined();
    bytes[bit >>> 3]! ^= 1 << (bit & 7);
  }
  expect(decodeFileHeader(bytes)).toEqual(header);
});

test("any bytes are no header", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (random, hasMagic) => {
      const bytes = Buffer.concat([hasMagic ? encodeFileHeader(header).subarray(0, 12) : Buffer.alloc(0), random]);
      expect(decodeFileHeader(bytes)).toBeUndefined();
    }),
    { numRuns: 1000 },
  );
});

test("a header takes 4,096 links", () => {
  const links = Array.from({ length: 4096 }, () => header.links[0]!);
  expect(decodeFileHeader(encodeFileHeader({ ...header, links }))?.links).toEqual(links);
  expect(() => encodeFileHeader({ ...header, links: [...links, ...links] })).toThrow(RangeError);
});
