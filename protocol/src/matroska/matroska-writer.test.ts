import { deepStrictEqual } from "node:assert";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { MatroskaEvent } from "./event.js";
import {
  clusterStart,
  documentHeader,
  endOfFragment,
  simpleBlock,
  tagsElement,
  type WrittenDocument,
  type WrittenTrack,
} from "./matroska-writer.js";
import { bytes, text } from "./testing/element-bytes.js";
import { readAll } from "./testing/read-all.js";

test("the bytes of a header", () => {
  const header = documentHeader({
    tracks: [
      {
        number: 1,
        type: "video",
        codecId: "V_MPEG4/ISO/AVC",
        codecPrivate: bytes("0164"),
        language: "und",
        video: { width: 1280, height: 720 },
      },
      {
        number: 2,
        type: "audio",
        codecId: "A_AAC",
        name: "hall",
        language: "und",
        defaultDurationNs: 64_000_000,
        audio: { sampleRateHz: 16000, channels: 1 },
      },
    ],
    writingApp: "Headwater",
    title: "Ä",
    segmentUid: bytes("000102030405060708090a0b0c0d0e0f"),
  });
  const expected = bytes(
    // EBML header
    "1a45dfa3 a3",
    "4286 81 01",
    "42f7 81 01",
    "42f2 81 04",
    "42f3 81 08",
    "4282 88",
    text("matroska"),
    "4287 81 02",
    "4285 81 02",
    "18538067 01ffffffffffffff",
    // Info
    "1549a966 b7",
    "73a4 90 000102030405060708090a0b0c0d0e0f",
    "2ad7b1 83 0f4240",
    "7ba9 82 c384",
    "4d80 89",
    text("Headwater"),
    "5741 89",
    text("Headwater"),
    // Tracks
    "1654ae6b f1",
    "ae b4",
    "d7 81 01",
    "73c5 81 01",
    "83 81 01",
    "9c 81 00",
    "22b59c 83",
    text("und"),
    "86 8f",
    text("V_MPEG4/ISO/AVC"),
    "63a2 82 0164",
    "e0 88",
    "b0 82 0500",
    "ba 82 02d0",
    "ae b9",
    "d7 81 02",
    "73c5 81 02",
    "83 81 02",
    "9c 81 00",
    "23e383 84 03d09000",
    "536e 84",
    text("hall"),
    "22b59c 83",
    text("und"),
    "86 85",
    text("A_AAC"),
    "e1 8d",
    "b5 88 40cf400000000000",
    "9f 81 01",
  );
  expect(header.toString("hex")).toBe(expected.toString("hex"));
});

test("the bytes of a Cluster, frames and tags", () => {
  expect(clusterStart(1795188690051n).toString("hex")).toBe(
    bytes("1f43b675 01ffffffffffffff", "e7 88 000001a1f9958c83", "a7 81 00").toString("hex"),
  );
  const data = Buffer.alloc(200, 0x65);
  const [head, sameData] = simpleBlock({ track: 1, relativeTimecode: -2, isKey: true, data });
  expect([head.toString("hex"), sameData === data]).toEqual(["a340cc81fffe80", true]);
  const [farHead] = simpleBlock({ track: 127, relativeTimecode: 32767, isKey: false, data: Buffer.of(1) });
  expect(farHead.toString("hex")).toBe("a386407f7fff00");
  expect(
    tagsElement([
      { name: "a", value: "é" },
      { name: "b", value: Buffer.of(0, 255) },
    ]).toString("hex"),
  ).toBe(
    bytes("1254c367 9e", "7373 8c 67c8 89 45a3 81 61 4487 82 c3a9", "7373 8c 67c8 89 45a3 81 62 4485 82 00ff").toString(
      "hex",
    ),
  );
  expect(endOfFragment().toString("hex")).toBe(
    bytes("1254c367 ac 7373 a9 67c8 a6 45a3 a0", text("AWS_KINESISVIDEO_END_OF_FRAGMENT"), "4487 80").toString("hex"),
  );
});

test("a frame too far from its Cluster's time is refused", () => {
  const frame = { track: 1, isKey: true, data: Buffer.of(1) };
  for (const relativeTimecode of [-32769, 32768])
    expect(() => simpleBlock({ ...frame, relativeTimecode })).toThrow(RangeError);
});

const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((given) => !given.includes("\0"));
const someBytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((given) => Buffer.from(given));
const track = fc.record(
  {
    type: fc.constantFrom("video" as const, "audio" as const),
    codecId: word,
    language: word,
    codecPrivate: someBytes,
    name: word,
    defaultDurationNs: fc.integer({ min: 1, max: 2 ** 40 }),
    video: fc.record({ width: fc.nat(), height: fc.nat() }, { noNullPrototype: true }),
    audio: fc.record(
      { sampleRateHz: fc.double({ min: 0, max: 1e6, noNaN: true }), channels: fc.nat(255) },
      { noNullPrototype: true },
    ),
  },
  { requiredKeys: ["type", "codecId", "language"], noNullPrototype: true },
);
/** Numbers around those where they take one byte more. */
const trackNumber = fc.oneof(
  fc.integer({ min: 1, max: 200 }),
  fc.integer({ min: 16380, max: 16390 }),
  fc.constant(2 ** 53 - 1),
);
const document = fc
  .record(
    {
      numbers: fc.uniqueArray(trackNumber, { minLength: 1, maxLength: 3 }),
      tracks: fc.tuple(track, track, track),
      writingApp: word,
      title: word,
      timecodeScaleNs: fc.integer({ min: 1, max: 1e9 }),
      segmentUid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    },
    { requiredKeys: ["numbers", "tracks", "writingApp"] },
  )
  .map(({ numbers, tracks, ...rest }): WrittenDocument => ({
    ...rest,
    tracks: numbers.map((number, index): WrittenTrack => ({ ...tracks[index]!, number })),
  }));
const cluster = fc.record({
  timecode: fc.bigInt({ min: 0n, max: 2n ** 53n }),
  frames: fc.array(
    fc.record({
      which: fc.nat(),
      relativeTimecode: fc.integer({ min: -32768, max: 32767 }),
      isKey: fc.boolean(),
      data: fc.oneof({ weight: 9, arbitrary: someBytes }, fc.constant(Buffer.alloc(17000, 0xa3))),
    }),
    { maxLength: 5 },
  ),
  tags: fc.array(
    fc.record({ name: word, value: fc.oneof(fc.constant(""), word, someBytes) }, { noNullPrototype: true }),
    { maxLength: 3 },
  ),
  isEndTold: fc.boolean(),
});
const stream = fc.array(fc.tuple(document, fc.array(cluster, { minLength: 1, maxLength: 3 })), {
  minLength: 1,
  maxLength: 2,
});

test("what was written is read, however it is cut", () =>
  fc.assert(
    fc.property(
      stream,
      fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 5 }),
      (documents, chunkBytes) => {
        const written: Uint8Array[] = [];
        const expected: MatroskaEvent[] = [];
        for (const [given, clusters] of documents) {
          const header = documentHeader(given);
          const { tracks, writingApp, title, timecodeScaleNs = 1_000_000 } = given;
          const ms = (timecode: number): number => timecode * (timecodeScaleNs / 1e6);
          written.push(header);
          expected.push(
            {
              kind: "document",
              header,
              docType: "matroska",
              timecodeScaleNs,
              title,
              muxingApp: writingApp,
              writingApp,
            },
            { kind: "tracks", tracks },
          );
          for (const { timecode, frames, tags, isEndTold } of clusters) {
            written.push(clusterStart(timecode));
            expected.push({ kind: "cluster", timecode, timecodeMs: ms(Number(timecode)) });
            for (const { which, ...frame } of frames) {
              const { number, defaultDurationNs } = tracks[which % tracks.length]!;
              written.push(...simpleBlock({ ...frame, track: number }));
              expected.push({
                kind: "frame",
                track: number,
                timecodeMs: ms(Number(timecode) + frame.relativeTimecode),
                durationMs: defaultDurationNs === undefined ? undefined : defaultDurationNs / 1e6,
                isKey: frame.isKey,
                data: frame.data,
              });
            }
            if (tags.length > 0) written.push(tagsElement(tags));
            expected.push(...tags.map((tag) => ({ kind: "tag" as const, ...tag })));
            if (isEndTold) {
              written.push(endOfFragment());
              expected.push({ kind: "tag", name: "AWS_KINESISVIDEO_END_OF_FRAGMENT", value: "" });
            }
            expected.push({ kind: "clusterEnd" });
          }
        }
        // Quicker than expect, which compares buffers byte by byte.
        const read = readAll(Buffer.concat(written), chunkBytes);
        expect(() => deepStrictEqual(read, { events: expected, error: undefined })).not.toThrow();
      },
    ),
    { numRuns: 200 },
  ));
