import { expect, test } from "vitest";
import type { MatroskaEvent } from "./event.js";
import { MatroskaReader } from "./matroska-reader.js";
import { bytes, open, short, text, wide, type Bytes } from "./testing/element-bytes.js";
import {
  audioTrack,
  avcC,
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
import { eventsOf, readAll } from "./testing/read-all.js";

const video = {
  number: 1,
  type: "video",
  codecId: "V_MPEG4/ISO/AVC",
  codecPrivate: avcC,
  name: "kinesis_video",
  language: "eng",
  video: { width: 1280, height: 720 },
};
const audio = {
  number: 2,
  type: "audio",
  codecId: "A_AAC",
  codecPrivate: bytes("1210"),
  language: "eng",
  audio: { sampleRateHz: 44100, channels: 2 },
};
const documentAndTracks = [
  {
    kind: "document",
    header: producerHeader,
    docType: "matroska",
    timecodeScaleNs: 1_000_000,
    title: "Kinesis Video SDK",
    muxingApp: "Kinesis Video SDK 1.6.0",
    writingApp: "Kinesis Video SDK 1.6.0 test",
  },
  { kind: "tracks", tracks: [video, audio] },
];

function frame(track: number, timecodeMs: number, isKey: boolean, data: string, durationMs?: number): object {
  return { kind: "frame", track, timecodeMs, durationMs, isKey, data: bytes(data) };
}

/** The events of Clusters in the producer's document, without `document` and `tracks`. */
function eventsAfterHeader(...content: readonly Bytes[]): readonly MatroskaEvent[] {
  return eventsOf(bytes(producerHeader, ...content)).slice(2);
}

test("a stream of the AWS producer SDK", () => {
  expect(eventsOf(producerStream)).toEqual([
    ...documentAndTracks,
    { kind: "cluster", timecode: 1795188690051n, timecodeMs: 1795188690051 },
    frame(1, 1795188690051, true, "00000002 6588"),
    frame(2, 1795188690056, true, "2110"),
    frame(1, 1795188690084, false, "00000001 41"),
    { kind: "tag", name: "site", value: "hall 3" },
    { kind: "tag", name: "alarm", value: "" },
    { kind: "clusterEnd" },
    { kind: "cluster", timecode: 1795188692051n, timecodeMs: 1795188692051 },
    frame(1, 1795188692051, true, "00000002 6589"),
    frame(2, 1795188692049, true, "2111"),
    { kind: "tag", name: "AWS_KINESISVIDEO_END_OF_FRAGMENT", value: "" },
    { kind: "clusterEnd" },
  ]);
});

test("each event comes with the byte that completes it", () => {
  const reader = new MatroskaReader();
  const seen: string[] = [];
  const eventsOfBytes = (given: Buffer): string[] => [...reader.push(given)].map(({ kind }) => kind);
  seen.push(...eventsOfBytes(bytes(producerHeader, open("1f43b675"))));
  expect(seen).toEqual(["document", "tracks"]);
  expect(eventsOfBytes(wide("e7", 5n))).toEqual(["cluster"]);
  const key = block("81", "0000", "80", "6588");
  expect(eventsOfBytes(key.subarray(0, -1))).toEqual([]);
  expect(eventsOfBytes(key.subarray(-1))).toEqual(["frame"]);
  expect(eventsOfBytes(endOfFragmentTag.subarray(0, -1))).toEqual([]);
  expect(eventsOfBytes(endOfFragmentTag.subarray(-1))).toEqual(["tag", "clusterEnd"]);
  expect([...reader.end()]).toEqual([]);
});

test("a frame that lies whole in a chunk is not copied", () => {
  const input = Buffer.from(producerStream);
  const frames = eventsOf(input).filter((event) => event.kind === "frame");
  expect(frames).toHaveLength(5);
  for (const { data } of frames) expect(data.buffer).toBe(input.buffer);
});

test.each([[1_000_000], [1_048_576], [70_001]])("a frame of 5 MB comes whole from chunks of %d bytes", (chunkBytes) => {
  const data = Buffer.from(Uint32Array.from({ length: 1_250_000 }, (_, index) => index).buffer);
  const { events, error } = readAll(bytes(producerHeader, cluster(0n, block("81", "0000", "80", data))), [chunkBytes]);
  expect(error).toBeUndefined();
  const frame = events.find((event) => event.kind === "frame");
  expect(frame?.data.equals(data)).toBe(true);
});

test("sizes that are known, and what is passed over: Void, CRC-32, SeekHead, Cues, Chapters, Attachments, unknown IDs", () => {
  const aside = bytes(short("bf", "01020304"), wide("ec", Buffer.alloc(300)), wide("42aa", "ff"));
  const segment = wide(
    "18538067",
    aside,
    wide("114d9b74", Buffer.alloc(40)),
    info,
    aside,
    tracks,
    wide("1043a770", "ff"),
    wide("1f43b675", aside, short("e7", "07"), aside, short("ab", "10"), block("81", "0001", "80", "aa"), aside),
    wide("1c53bb6b", Buffer.alloc(500)),
    wide("1f43b675", short("e7", "08")),
    wide("1941a469", Buffer.alloc(100_000, 0xa3)),
  );
  expect(eventsOf(bytes(aside.subarray(6, 6 + 309), ebmlHeader, segment))).toEqual([
    ...documentAndTracks,
    { kind: "cluster", timecode: 7n, timecodeMs: 7 },
    frame(1, 8, true, "aa"),
    { kind: "clusterEnd" },
    { kind: "cluster", timecode: 8n, timecodeMs: 8 },
    { kind: "clusterEnd" },
  ]);
});

test("a Cluster of unknown size in a Segment of known size ends with it", () => {
  const segment = wide("18538067", info, tracks, cluster(7n, block("81", "0000", "80", "aa")));
  const wholeDocument = ["document", "tracks", "cluster", "frame", "clusterEnd"];
  expect(eventsOf(bytes(ebmlHeader, segment, ebmlHeader, segment)).map(({ kind }) => kind)).toEqual([
    ...wholeDocument,
    ...wholeDocument,
  ]);
});

/** What GetMedia sends for one fragment. */
function getMediaChunk(fragmentNumber: string): Buffer {
  return bytes(
    producerHeader,
    tag("AWS_KINESISVIDEO_FRAGMENT_NUMBER", fragmentNumber),
    tag("AWS_KINESISVIDEO_SERVER_TIMESTAMP", "1726677687.758"),
    cluster(7n, block("81", "0000", "80", "aa")),
    tag("AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", "0"),
  );
}
function getMediaEvents(fragmentNumber: string): object[] {
  return [
    ...documentAndTracks,
    { kind: "tag", name: "AWS_KINESISVIDEO_FRAGMENT_NUMBER", value: fragmentNumber },
    { kind: "tag", name: "AWS_KINESISVIDEO_SERVER_TIMESTAMP", value: "1726677687.758" },
    { kind: "cluster", timecode: 7n, timecodeMs: 7 },
    frame(1, 7, true, "aa"),
    { kind: "tag", name: "AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", value: "0" },
    { kind: "clusterEnd" },
  ];
}

test("documents one after the other, as GetMedia sends them, tags before and after each Cluster", () => {
  expect(eventsOf(bytes(getMediaChunk("1"), getMediaChunk("2")))).toEqual([
    ...getMediaEvents("1"),
    ...getMediaEvents("2"),
  ]);
});

test("the header to store has a Segment without size, and no tags, padding or seek table", () => {
  const segment = wide(
    "18538067",
    wide("114d9b74", "ff"),
    tracks,
    short("ec", "00"),
    info,
    tag("ENCODER", "x"),
    wide("1f43b675", short("e7", "00")),
  );
  const [document] = eventsOf(bytes(ebmlHeader, segment));
  expect(document).toMatchObject({ header: bytes(ebmlHeader, open("18538067", tracks, info)) });
  // It is a header: another Cluster may follow it.
  expect(eventsOf(bytes((document as { header: Buffer }).header, cluster(9n)))).toHaveLength(4);
});

test("tags of a document that has no Cluster", () => {
  const error = tag("AWS_KINESISVIDEO_ERROR_ID", "4000");
  const event = { kind: "tag", name: "AWS_KINESISVIDEO_ERROR_ID", value: "4000" };
  expect(eventsOf(bytes(producerHeader, error))).toEqual([...documentAndTracks, event]);
  expect(eventsOf(bytes(ebmlHeader, open("18538067", error)))).toEqual([event]);
  expect(eventsOf(bytes(ebmlHeader, open("18538067", error), producerHeader))).toEqual([event, ...documentAndTracks]);
});

test("tags: binary ones, several in one element, targets and tags in tags passed over, text up to its zero byte", () => {
  const tags = wide(
    "1254c367",
    wide(
      "7373",
      short("63c0", short("68ca", "32")),
      short("67c8", short("45a3", text("a")), short("4485", "00ff"), short("67c8", short("45a3", text("inner")))),
      short("67c8", short("4487", text("x\0\0")), short("45a3", text("b\0")), short("447a", text("und"))),
    ),
    wide("7373", short("67c8", short("45a3", text("c")))),
  );
  expect(eventsAfterHeader(cluster(0n), tags)).toEqual([
    { kind: "cluster", timecode: 0n, timecodeMs: 0 },
    { kind: "tag", name: "a", value: bytes("00ff") },
    { kind: "tag", name: "b", value: "x" },
    { kind: "tag", name: "c", value: "" },
    { kind: "clusterEnd" },
  ]);
});

test("a tag after the end-of-fragment tag comes after the Cluster's end", () => {
  const events = eventsAfterHeader(cluster(0n), endOfFragmentTag, tag("late", "1"), cluster(1n));
  expect(events.map((event) => (event.kind === "tag" ? event.name : event.kind))).toEqual([
    "cluster",
    "AWS_KINESISVIDEO_END_OF_FRAGMENT",
    "clusterEnd",
    "late",
    "cluster",
    "clusterEnd",
  ]);
});

test("Info and Tracks may be repeated", () => {
  expect(eventsOf(bytes(producerHeader, info, cluster(1n), tracks, info, cluster(2n)))).toEqual([
    ...documentAndTracks,
    { kind: "cluster", timecode: 1n, timecodeMs: 1 },
    { kind: "clusterEnd" },
    { kind: "cluster", timecode: 2n, timecodeMs: 2 },
    { kind: "clusterEnd" },
  ]);
});

test("block groups: a frame that refers to none is a key frame, and may have a duration", () => {
  const groups = [
    wide("a0", wide("a1", "81 0000 00 aa"), short("9b", "28")),
    wide("a0", short("fb", "01"), wide("a1", "81 0028 00 bb")),
    wide("a0", wide("75a1", Buffer.alloc(20)), wide("a1", "82 0028 00 cc")),
  ];
  expect(eventsAfterHeader(cluster(100n, ...groups)).slice(1, -1)).toEqual([
    frame(1, 100, true, "aa", 40),
    frame(1, 140, false, "bb"),
    frame(2, 140, true, "cc"),
  ]);
});

test.each([
  // Frames of 1, 2 and 300 bytes, but for fixed sizes.
  ["Xiph", "82", "02 01 02", ["aa", "bbbb", "cc".repeat(300)]],
  ["Xiph, long", "82", "02 ff2d 01", ["cc".repeat(300), "aa", "bbbb"]],
  ["fixed", "84", "02", ["aaaa", "bbbb", "cccc"]],
  ["EBML", "86", "02 81 c0", ["aa", "bbbb", "cc".repeat(300)]],
  ["EBML, two bytes", "86", "02 412c 5ed4", ["cc".repeat(300), "aa", "bbbb"]],
  ["EBML of one frame", "86", "00", ["aa"]],
])("lacing: %s", (_name, flags, sizes, frames) => {
  const withDuration = wide(
    "ae",
    short("d7", "03"),
    short("83", "02"),
    short("86", text("A_MPEG/L3")),
    short("23e383", "01312d00"),
  );
  const header = bytes(ebmlHeader, open("18538067", info, wide("1654ae6b", videoTrack, audioTrack, withDuration)));
  const laced = (track: string): Buffer => block(track, "0002", flags, bytes(sizes, ...frames));
  const lacedGroup = wide("a0", wide("a1", "82 0002", flags, sizes, ...frames), short("9b", "3c"));
  const events = eventsOf(bytes(header, cluster(100n, laced("82"), laced("83"), lacedGroup))).slice(3, -1);
  expect(events).toEqual([
    // Neither the track nor the block says how long a frame is.
    ...frames.map((data) => frame(2, 102, true, data)),
    ...frames.map((data, index) => frame(3, 102 + 20 * index, true, data, 20)),
    ...frames.map((data, index) => frame(2, 102 + (60 / frames.length) * index, true, data, 60 / frames.length)),
  ]);
});

test("timecodes are scaled; they may go backwards, below zero and beyond what a number holds", () => {
  const nanoseconds = bytes(ebmlHeader, open("18538067", wide("1549a966", short("2ad7b1", "01")), tracks));
  const inNs = eventsOf(bytes(nanoseconds, cluster(1795188690051000001n, block("81", "8000", "80", "aa"))));
  expect(inNs[2]).toEqual({ kind: "cluster", timecode: 1795188690051000001n, timecodeMs: 1795188690051 });
  expect(inNs[3]).toMatchObject({ timecodeMs: expect.closeTo(1795188690050.967, 3) as number });

  const events = eventsAfterHeader(
    cluster(2000n, block("81", "7fff", "00", "aa"), block("81", "0000", "00", "aa")),
    cluster(5n, block("81", "fff6", "00", "aa")),
    cluster(0xffffffffffffffffn),
  );
  expect(events.flatMap((event) => ("timecodeMs" in event ? event.timecodeMs : []))).toEqual([
    2000, 34767, 2000, 5, -5, 18446744073709552000,
  ]);
});

test("where Info and Tracks say nothing, Matroska's defaults hold", () => {
  const bare = wide("ae", short("d7", "7f"), short("83", "11"), short("86", text("S_TEXT/UTF8")));
  const sound = wide(
    "ae",
    short("d7", "05"),
    short("83", "02"),
    short("86", text("A_X")),
    short("e1"),
    short("23e383", "00"),
  );
  const bcp47 = wide(
    "ae",
    short("d7", "06"),
    short("22b59d", text("de-CH")),
    short("22b59c", text("ger")),
    short("86", text("V_X")),
    short("e0"),
  );
  const header = bytes(ebmlHeader, open("18538067", short("1549a966"), wide("1654ae6b", bare, sound, bcp47)));
  const [document, tracksEvent] = eventsOf(bytes(header, cluster(1n)));
  expect(document).toMatchObject({ timecodeScaleNs: 1_000_000, title: undefined, muxingApp: undefined });
  expect(tracksEvent).toEqual({
    kind: "tracks",
    tracks: [
      { number: 127, type: "other", codecId: "S_TEXT/UTF8", language: "eng" },
      { number: 5, type: "audio", codecId: "A_X", language: "eng", audio: { sampleRateHz: 8000, channels: 1 } },
      { number: 6, type: "other", codecId: "V_X", language: "de-CH", video: { width: 0, height: 0 } },
    ],
  });
});

test("events left untaken are a mistake of the caller, not of the input", () => {
  const reader = new MatroskaReader();
  reader.push(producerStream).next();
  expect(() => [...reader.push(producerStream)]).toThrow(TypeError);
});

test("times since 1970 in milliseconds stay whole numbers", () => {
  for (let timecode = 1_795_263_484_400; timecode < 1_795_263_484_500; timecode++) {
    const events = eventsOf(bytes(producerHeader, cluster(BigInt(timecode))));
    expect(events.at(2)).toEqual({ kind: "cluster", timecode: BigInt(timecode), timecodeMs: timecode });
  }
});
