import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultMatroskaLimits, putMediaMatroskaLimits } from "./limits.js";
import { MatroskaError, type MatroskaErrorCode } from "./matroska-error.js";
import { MatroskaReader } from "./matroska-reader.js";
import { bytes, open, short, text, wide, type Bytes } from "./testing/element-bytes.js";
import {
  audioTrack,
  block,
  cluster,
  ebmlHeader,
  endOfFragmentTag,
  info,
  producerHeader,
  producerStream,
  tag,
  tracks,
  videoTrack,
} from "./testing/producer-bytes.js";
import { readAll } from "./testing/read-all.js";

const limits = {
  ...putMediaMatroskaLimits,
  headerBytesMax: 4096,
  codecPrivateBytesMax: 1024,
  clusterBytesMax: 5000,
  tagsBytesMax: 3000,
  unknownElementBytesMax: 100,
};

function track(number: string): Buffer {
  return wide("ae", short("d7", number), short("83", "02"), short("86", text("A_X")));
}
function withHeader(...segment: readonly Bytes[]): Buffer {
  return bytes(ebmlHeader, open("18538067", ...segment));
}
function inCluster(...content: readonly Bytes[]): Buffer {
  return bytes(producerHeader, cluster(0n, ...content));
}
function tags(count: number): Buffer {
  return bytes(...Array.from({ length: count }, (_, index) => tag(`t${index}`, "")));
}
function ebml(...content: readonly Bytes[]): Buffer {
  return bytes(short("1a45dfa3", ...content), open("18538067", info, tracks), cluster(0n));
}
const docType = short("4282", text("matroska"));
/** Claims to be as long as a size can say, and has one byte. */
const hugeSize = "01fffffffffffffe aa";

const cases: readonly (readonly [string, Buffer, MatroskaErrorCode])[] = [
  ["JSON", Buffer.from('{"StreamName": "x"}'), "not-matroska"],
  ["an MP4", bytes("00000020 66747970 69736f6d"), "not-matroska"],
  ["zeros", Buffer.alloc(100), "not-matroska"],
  ["a Segment without an EBML header", producerHeader.subarray(ebmlHeader.length), "misplaced"],
  ["two EBML headers", bytes(ebmlHeader, producerHeader), "misplaced"],
  ["a second Segment", bytes(ebmlHeader, wide("18538067"), wide("18538067")), "misplaced"],
  ["garbage between documents", bytes(ebmlHeader, wide("18538067", info, tracks), "6b6b 81"), "not-matroska"],
  ["a document type that is neither", ebml(short("4282", text("matroska2"))), "not-matroska"],
  ["no document type", ebml(short("4286", "01")), "not-matroska"],
  ["a later EBML", ebml(docType, short("42f7", "02")), "not-matroska"],
  ["a later Matroska", ebml(docType, short("4285", "05")), "not-matroska"],
  ["longer IDs", ebml(docType, short("42f2", "05")), "not-matroska"],
  ["longer sizes", ebml(docType, short("42f3", "09")), "not-matroska"],

  ["an ID of five bytes", inCluster("08"), "malformed"],
  ["an ID of zeros", inCluster("4000 81 00"), "malformed"],
  ["an ID of ones", inCluster("ff 81 00"), "malformed"],
  ["a size of nine bytes", inCluster("a3 00"), "malformed"],
  ["a block of unknown size", inCluster("a3 ff"), "malformed"],
  ["a block of a huge size", inCluster("a3", hugeSize), "malformed"],
  ["a Cluster of a huge size", bytes(producerHeader, "1f43b675", hugeSize), "malformed"],
  ["a Segment of a huge size", bytes(ebmlHeader, "18538067", hugeSize), "malformed"],
  ["Void of a huge size", bytes(producerHeader, "ec", hugeSize), "malformed"],
  ["a block past its Cluster", bytes(producerHeader, wide("1f43b675", short("e7", "00"), "a3 85 81")), "malformed"],
  ["a head past its Cluster", bytes(producerHeader, wide("1f43b675", short("e7", "00"), "a3"), "80"), "malformed"],
  ["Info past its Segment", bytes(ebmlHeader, short("18538067", "1549a966 81"), "00"), "malformed"],
  ["a long element of unknown ID", withHeader(wide("42aa", Buffer.alloc(101))), "malformed"],
  ["a reserved ID in Info", withHeader(wide("1549a966", "ff80"), tracks), "malformed"],
  ["an ID alone in Info", withHeader(wide("1549a966", "2ad7"), tracks), "malformed"],
  ["a size cut short in Info", withHeader(wide("1549a966", "7ba9 40"), tracks), "malformed"],
  ["an unknown size in Info", withHeader(wide("1549a966", "7ba9 ff"), tracks), "malformed"],
  ["an element past Info", withHeader(wide("1549a966", "7ba9 85 00"), tracks), "malformed"],
  ["timecode scale 0", withHeader(short("1549a966", short("2ad7b1", "00")), tracks), "malformed"],
  ["a timecode scale of 9 bytes", withHeader(short("1549a966", short("2ad7b1", "00".repeat(9))), tracks), "malformed"],
  ["a timecode scale over 2^53", withHeader(short("1549a966", short("2ad7b1", 1n << 53n)), tracks), "malformed"],
  ["a timecode of 9 bytes", bytes(producerHeader, open("1f43b675", short("e7", "00".repeat(9)))), "malformed"],
  ["a Cluster without a timecode", bytes(producerHeader, wide("1f43b675"), cluster(1n)), "malformed"],
  ["a Cluster with two", inCluster(short("e7", "01")), "malformed"],
  ["no track", withHeader(info, wide("1654ae6b")), "malformed"],
  ["track 0", withHeader(info, wide("1654ae6b", track("00"))), "malformed"],
  ["two tracks of a number", withHeader(info, wide("1654ae6b", track("03"), track("03"))), "malformed"],
  ["a track without a codec", withHeader(info, wide("1654ae6b", wide("ae", short("d7", "01")))), "malformed"],
  [
    "a sampling frequency of 5 bytes",
    withHeader(info, wide("1654ae6b", wide("ae", wide("e1", short("b5", "00".repeat(5)))))),
    "malformed",
  ],
  [
    "a sampling frequency that is none",
    withHeader(info, wide("1654ae6b", wide("ae", wide("e1", short("b5", "7fc00000"))))),
    "malformed",
  ],
  ["an empty block", inCluster(short("a3")), "malformed"],
  ["a block without flags", inCluster(short("a3", "81 0000")), "malformed"],
  ["a block without data", inCluster(short("a3", "81 0000 80")), "malformed"],
  ["a block whose track number is none", inCluster(short("a3", "00 0000 80 aaaa")), "malformed"],
  ["a BlockGroup without a block", inCluster(short("a0", short("9b", "01"))), "malformed"],
  [
    "a BlockGroup with two",
    inCluster(short("a0", short("a1", "8100 0000 aa"), short("a1", "8100 0000 aa"))),
    "malformed",
  ],
  ["a BlockGroup of many", inCluster(wide("a0", short("a1", "8100 0000 aa"), "fb80".repeat(256))), "malformed"],
  ["Xiph lacing without sizes", inCluster(block("82", "0000", "02", "02 01")), "malformed"],
  ["Xiph lacing past the block", inCluster(block("82", "0000", "02", "01 05 aabb")), "malformed"],
  ["Xiph lacing with an empty frame", inCluster(block("82", "0000", "02", "01 00 aabb")), "malformed"],
  ["Xiph lacing with an empty last frame", inCluster(block("82", "0000", "02", "01 02 aabb")), "malformed"],
  ["EBML lacing without sizes", inCluster(block("82", "0000", "06", "02 81")), "malformed"],
  ["EBML lacing with a size cut short", inCluster(block("82", "0000", "06", "01 41")), "malformed"],
  ["EBML lacing of unknown size", inCluster(block("82", "0000", "06", "01 ff aabb")), "malformed"],
  ["EBML lacing below zero", inCluster(block("82", "0000", "06", "02 81 80 aabbcc")), "malformed"],
  ["fixed lacing that does not go up", inCluster(block("82", "0000", "04", "01 aabbcc")), "malformed"],
  ["fixed lacing of nothing", inCluster(block("82", "0000", "04", "01")), "malformed"],
  ["a tag without a name", bytes(inCluster(), wide("1254c367", wide("7373", wide("67c8")))), "malformed"],
  ["tags of unknown size", bytes(inCluster(), "1254c367 ff"), "malformed"],

  ["a Cluster before Tracks", withHeader(info, cluster(0n), tracks), "misplaced"],
  ["a Cluster before Info", withHeader(tracks, cluster(0n)), "misplaced"],
  ["a block in the Segment", withHeader(info, tracks, block("81", "0000", "80", "aa")), "misplaced"],
  ["a block after tags", bytes(inCluster(), tag("a", ""), block("81", "0000", "80", "aa")), "misplaced"],
  [
    "a block before the timecode",
    bytes(producerHeader, open("1f43b675", block("81", "0000", "80", "aa"))),
    "misplaced",
  ],
  [
    "a Cluster in one of known size",
    bytes(producerHeader, wide("1f43b675", short("e7", "00"), cluster(0n))),
    "misplaced",
  ],
  ["a document in a Segment of known size", bytes(ebmlHeader, wide("18538067", ebmlHeader)), "misplaced"],
  ["tracks that change", bytes(inCluster(), wide("1654ae6b", videoTrack)), "misplaced"],
  ["compressed frames", withHeader(info, wide("1654ae6b", wide("ae", wide("6d80")))), "unsupported"],

  ["an EBML header too long", bytes("1a45dfa3 5001", Buffer.alloc(10)), "header-too-large"],
  ["Info too long", withHeader("1549a966 5001"), "header-too-large"],
  [
    "Info and Tracks too long together",
    withHeader(
      wide("1549a966", wide("ec", Buffer.alloc(2500))),
      wide("1654ae6b", track("01"), wide("ec", Buffer.alloc(2500))),
    ),
    "header-too-large",
  ],
  [
    "CodecPrivate too long",
    withHeader(info, wide("1654ae6b", wide("ae", wide("63a2", Buffer.alloc(1025))))),
    "header-too-large",
  ],
  ["a block longer than a Cluster may be", inCluster("a3 5388"), "cluster-too-large"],
  ["a Cluster that says it is too long", bytes(producerHeader, "1f43b675 5388"), "cluster-too-large"],
  [
    "a Cluster that gets too long",
    inCluster(...Array<Buffer>(51).fill(block("81", "0000", "00", Buffer.alloc(87)))),
    "cluster-too-large",
  ],
  ["a Cluster padded too long", inCluster("ec 5388"), "cluster-too-large"],
  ["four tracks", withHeader(info, wide("1654ae6b", ...["01", "02", "03", "04"].map(track))), "too-many-tracks"],
  ["a block of no track", inCluster(block("83", "0000", "80", "aa")), "unknown-track"],
  ["a block of track 0", inCluster(block("80", "0000", "80", "aa")), "unknown-track"],
  ["a block of a track of 56 ones", inCluster(block("01ffffffffffffff", "0000", "80", "aa")), "unknown-track"],
  ["11 tags", bytes(inCluster(), tags(11)), "too-many-tags"],
  ["a long name of a tag", bytes(inCluster(), tag("n".repeat(129), "")), "tag-too-large"],
  ["a long value of a tag", bytes(inCluster(), tag("n", "ä".repeat(129))), "tag-too-large"],
  ["a Tags element too long", bytes(inCluster(), "1254c367 4bb9"), "tag-too-large"],
  [
    "tags too long together",
    bytes(producerHeader, ...Array<Buffer>(10).fill(tag("n", "v".repeat(300)))),
    "tag-too-large",
  ],

  ["a stream cut in an ID", producerStream.subarray(0, 2), "truncated"],
  ["a stream cut in its header", producerHeader.subarray(0, -1), "truncated"],
  ["a stream cut in a frame", inCluster(block("81", "0000", "80", "aabb")).subarray(0, -1), "truncated"],
  ["a stream cut in padding", inCluster("ec 85 00"), "truncated"],
  [
    "a Segment cut short",
    bytes(ebmlHeader, wide("18538067", info, tracks, cluster(1n), "ec80").subarray(0, -2)),
    "truncated",
  ],
  ["a Cluster cut before its timecode", bytes(producerHeader, open("1f43b675")), "malformed"],
];

test.each(cases)("refuses %s", (_name, input, code) => {
  const whole = readAll(input, undefined, limits);
  expect(whole.error?.code).toBe(code);
  expect(readAll(input, [1], limits)).toEqual(whole);
});

test.each([
  [0, undefined],
  [1, "cluster-too-large"],
] as const)("what the limits just allow is read, and %d bytes more are %s", (more, code) => {
  // The Cluster's head and timecode, its position, the block's head, its track, time and flags.
  const overheadBytes = 12 + 17 + 3 + 9 + 4;
  const input = bytes(
    withHeader(info, wide("1654ae6b", ...["01", "02", "03"].map(track))),
    cluster(0n, block("81", "0000", "80", Buffer.alloc(limits.clusterBytesMax - overheadBytes + more))),
    tags(8),
    tag("n".repeat(128), "v".repeat(256)),
    endOfFragmentTag,
    cluster(1n),
    tags(10),
  );
  expect(readAll(input, undefined, limits).error?.code).toBe(code);
});

test("a fault comes after the events before it, and stays", () => {
  const reader = new MatroskaReader();
  const kinds: string[] = [];
  expect(() => {
    for (const { kind } of reader.push(bytes(inCluster(block("81", "0000", "80", "aa")), "ff80"))) kinds.push(kind);
  }).toThrow(MatroskaError);
  expect(kinds).toEqual(["document", "tracks", "cluster", "frame"]);
  expect(() => [...reader.push(producerStream)]).toThrow(expect.objectContaining({ code: "malformed" }));
  expect(() => [...reader.end()]).toThrow(expect.objectContaining({ code: "malformed" }));
});

describe("memory", () => {
  const MiB = 1024 * 1024;

  test("follows what has arrived of a frame, not what it claims to be", () => {
    const reader = new MatroskaReader();
    const start = inCluster("a3 01000000 03000000", "81 0000 80"); // 48 MiB
    expect(bufferGrowth(reader, start, Buffer.alloc(1), 1000)).toBeLessThan(2 * MiB);
    expect(bufferGrowth(reader, Buffer.alloc(1), Buffer.alloc(MiB), 5)).toBeLessThan(24 * MiB);
  });

  test("is not taken by what is passed over", () => {
    const reader = new MatroskaReader();
    const start = bytes(producerHeader, "1941a469 0100ffff ffffffff"); // an attachment of 256 TiB
    expect(bufferGrowth(reader, start, Buffer.alloc(MiB, 0xa3), 200)).toBeLessThan(4 * MiB);
  });
});

/** Bytes of buffers that a reader adds while it takes the same chunk again and again. */
function bufferGrowth(reader: MatroskaReader, start: Buffer, chunk: Buffer, times: number): number {
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (const given of [start, ...Array<Buffer>(times).fill(chunk)]) {
    for (const { kind } of reader.push(given))
      if (kind === "frame") throw new Error("a frame that was not to be complete");
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  return most;
}

/** Bytes that are likely to be more than noise: elements, heads, sizes at the edges. */
const fragment: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 12 }).map((given) => Buffer.from(given)),
  fc.constantFrom(
    ebmlHeader,
    info,
    tracks,
    videoTrack,
    audioTrack,
    endOfFragmentTag,
    producerHeader,
    cluster(3n),
    block("81", "0001", "86", "02 81 c0 aabbbbcc"),
    block("82", "0001", "02", "01 01 aabb"),
    wide("a0", short("a1", "81 0000 04 01 aabb"), short("9b", "05")),
    ...[
      "01ffffffffffffff",
      "01ffffffffffffff aa",
      "0100ffffffffffff",
      "ff",
      "80",
      "00",
      "1254c367",
      "ec",
      "a3",
      "a0",
      "7373",
    ].map((hex) => bytes(hex)),
  ),
);

test("whatever is changed in a stream, it is read or refused with a typed error, the same however it is cut", () =>
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.nat(), fc.constantFrom("insert", "replace", "flip", "delete", "repeat"), fragment, fc.nat(60)),
        {
          minLength: 1,
          maxLength: 5,
        },
      ),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 }),
      (changes, chunkBytes) => {
        let input: Buffer = producerStream;
        for (const [where, how, given, length] of changes) {
          const at = where % (input.length + 1);
          const [before, after] = [input.subarray(0, at), input.subarray(at)];
          const removed = after.subarray(0, length);
          const put = {
            insert: given,
            replace: given,
            flip: removed.map((byte) => byte ^ (1 << (length % 8))),
            delete: Buffer.of(),
            repeat: bytes(removed, removed),
          }[how];
          input = bytes(
            before,
            put,
            how === "insert" ? after : after.subarray(how === "replace" ? given.length : length),
          );
        }
        const whole = readAll(input, undefined, limits);
        expect(readAll(input, chunkBytes, limits)).toEqual(whole);
        expect(readAll(input, [1], defaultMatroskaLimits).events.length).toBeLessThanOrEqual(input.length);
      },
    ),
    { numRuns: 700 },
  ));

test("any bytes after a good header", () =>
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 30 }), (fragments) => {
      const input = bytes(producerHeader, ...fragments);
      expect(readAll(input, [1], limits)).toEqual(readAll(input, undefined, limits));
    }),
    { numRuns: 700 },
  ));
