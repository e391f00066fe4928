import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AUDIO, cluster, fragment, header, VIDEO } from "../testing/producer-document.js";
import { names, type ReadChunk } from "../testing/read-chunks.js";
import { TestVideo } from "../testing/test-video.js";

let it: TestVideo;

beforeEach(async () => {
  it = await TestVideo.start();
  await it.createStream("s");
});
afterEach(() => it.close());

const timeOf = ({ timecodeMs }: ReadChunk): number => timecodeMs;

/** Puts fragments, each a minute of server time after the one before; answers their numbers. */
async function putEach(...timecodes: number[]): Promise<string[]> {
  const numbers: string[] = [];
  for (const timecode of timecodes) {
    const acks = await it.put("s", header(), fragment(timecode));
    numbers.push(acks.find(({ EventType }) => EventType === "PERSISTED")?.FragmentNumber ?? "");
    it.clock.advance(60_000);
  }
  return numbers;
}

async function read(count: number, selector: Readonly<Record<string, unknown>>): Promise<ReadChunk[]> {
  return (await it.getMedia("s", selector)).chunks(count);
}

test("a chunk is a whole document: identity, frames, the producer's tags, progress", async () => {
  const tracks = [VIDEO, AUDIO];
  const frames = [
    { at: 0, data: "picture", isKey: true },
    { at: 10, data: "sound", track: 2, isKey: true },
    { at: -5, data: "earlier" },
  ];
  const arrivalMs = it.clock.now();
  await it.put("s", header(tracks), cluster(5000, frames, [{ name: "place", value: "door" }]));
  it.clock.advance(2000);
  const [chunk] = await read(1, { StartSelectorType: "EARLIEST" });
  const number = chunk?.identity["FRAGMENT_NUMBER"] ?? "";
  expect(chunk?.tracks).toEqual(tracks);
  expect(chunk?.identity).toEqual({
    FRAGMENT_NUMBER: number,
    SERVER_TIMESTAMP: (arrivalMs / 1000).toFixed(3),
    PRODUCER_TIMESTAMP: "5.000",
  });
  expect(chunk?.frames).toEqual([
    { track: 1, timeMs: 5000, isKey: true, data: Buffer.from("picture") },
    { track: 2, timeMs: 5010, isKey: true, data: Buffer.from("sound") },
    { track: 1, timeMs: 4995, isKey: false, data: Buffer.from("earlier") },
  ]);
  expect(chunk?.tags).toEqual([
    ["place", "door"],
    ["MILLIS_BEHIND_NOW", "1990"],
    ["CONTINUATION_TOKEN", number],
  ]);
});

test("times that are not in milliseconds come out in milliseconds", async () => {
  const microseconds = cluster(5_000_000, [
    { at: 0, data: "a", isKey: true },
    { at: 20_000, data: "b" },
  ]);
  const acks = await it.put("s", header([VIDEO], 1000), microseconds);
  expect(acks.at(-1)).toMatchObject({ EventType: "PERSISTED", FragmentTimecode: 5000 });
  const [chunk] = await read(1, { StartSelectorType: "EARLIEST" });
  expect(chunk?.frames.map(({ timeMs }) => timeMs)).toEqual([5000, 5020]);
});

describe("a reader begins", () => {
  const startMs = new Date("2023-11-14T22:13:20Z").getTime();
  let numbers: string[];
  beforeEach(async () => {
    numbers = await putEach(10_000, 20_000, 30_000);
  });

  test.each<[string, () => Record<string, unknown>, number[]]>([
    ["EARLIEST: with the oldest", () => ({ StartSelectorType: "EARLIEST" }), [10_000, 20_000, 30_000]],
    ["NOW: with the newest", () => ({ StartSelectorType: "NOW" }), [30_000]],
    [
      "FRAGMENT_NUMBER: after that one",
      () => ({ StartSelectorType: "FRAGMENT_NUMBER", AfterFragmentNumber: numbers[0] }),
      [20_000, 30_000],
    ],
    [
      "FRAGMENT_NUMBER: at the first where the number is before all",
      () => ({ StartSelectorType: "FRAGMENT_NUMBER", AfterFragmentNumber: "1" }),
      [10_000, 20_000, 30_000],
    ],
    [
      "CONTINUATION_TOKEN: after the one that it came with",
      () => ({ StartSelectorType: "CONTINUATION_TOKEN", ContinuationToken: numbers[1] }),
      [30_000],
    ],
    [
      "PRODUCER_TIMESTAMP: with the one that has the time in it",
      () => ({ StartSelectorType: "PRODUCER_TIMESTAMP", StartTimestamp: 20.5 }),
      [20_000, 30_000],
    ],
    [
      "PRODUCER_TIMESTAMP: with the next, where none has it",
      () => ({ StartSelectorType: "PRODUCER_TIMESTAMP", StartTimestamp: 15 }),
      [20_000, 30_000],
    ],
    [
      "SERVER_TIMESTAMP: with the one that came then",
      () => ({ StartSelectorType: "SERVER_TIMESTAMP", StartTimestamp: startMs / 1000 + 60.5 }),
      [20_000, 30_000],
    ],
    [
      "SERVER_TIMESTAMP: with the next, where none came",
      () => ({ StartSelectorType: "SERVER_TIMESTAMP", StartTimestamp: startMs / 1000 + 90 }),
      [30_000],
    ],
  ])("at %s", async (_, selector, expected) => {
    expect((await read(expected.length, selector())).map(timeOf)).toEqual(expected);
  });

  test.each<[string, Record<string, unknown>]>([
    ["after the newest by number", { StartSelectorType: "FRAGMENT_NUMBER", AfterFragmentNumber: "9".repeat(47) }],
    ["after the newest by time", { StartSelectorType: "PRODUCER_TIMESTAMP", StartTimestamp: 99 }],
  ])("%s: with the next that comes", async (_, selector) => {
    const reader = await it.getMedia("s", selector);
    await putEach(40_000);
    expect((await reader.chunks(1)).map(timeOf)).toEqual([40_000]);
  });

  test.each([
    [{ StartSelectorType: "FRAGMENT_NUMBER" }],
    [{ StartSelectorType: "SERVER_TIMESTAMP" }],
    [{ StartSelectorType: "CONTINUATION_TOKEN", ContinuationToken: "not-ours" }],
    [{ StartSelectorType: "YESTERDAY" }],
    [{}],
  ])("not where %j lacks what it needs", async (StartSelector) => {
    const { status, type } = await it.call("getMedia", { StreamName: "s", StartSelector });
    expect([status, type]).toEqual([400, "InvalidArgumentException"]);
  });
});

test("readers get what comes while they read, each by itself", async () => {
  const readers = [
    await it.getMedia("s", { StartSelectorType: "NOW" }),
    await it.getMedia("s", { StartSelectorType: "EARLIEST" }),
  ];
  const call = await it.putMedia("s");
  call.outgoing.write(header());
  for (const time of [1000, 2000, 3000]) call.outgoing.write(fragment(time, { ends: true }));
  for (const reader of readers) expect((await reader.chunks(3)).map(timeOf)).toEqual([1000, 2000, 3000]);
});

test("what is sent late is shown to readers of the past, marked, and not to those of NOW", async () => {
  const live = await it.getMedia("s", { StartSelectorType: "NOW" });
  await it.put("s", header(), fragment(9000));
  const late = await it.putMedia("s", { "x-headwater-lane": "backfill" });
  late.outgoing.end(Buffer.concat([header(), fragment(1000), fragment(2000)]));
  await late.ended;
  await it.put("s", header(), fragment(9500));
  expect((await live.chunks(2)).map(timeOf)).toEqual([9000, 9500]);
  it = await it.restarted();
  const now = await it.getMedia("s", { StartSelectorType: "NOW" });
  await it.put("s", header(), fragment(10_000));
  expect((await now.chunks(2)).map(timeOf)).toEqual([9500, 10_000]);
  const all = await read(5, { StartSelectorType: "EARLIEST" });
  expect(all.map(timeOf)).toEqual([9000, 1000, 2000, 9500, 10_000]);
  expect(all.map(({ tags }) => tags[0]?.[0])).toEqual([
    "MILLIS_BEHIND_NOW",
    "HEADWATER_LANE",
    "HEADWATER_LANE",
    "MILLIS_BEHIND_NOW",
    "MILLIS_BEHIND_NOW",
  ]);
  const { body } = await it.call("listFragments", {
    StreamName: "s",
    FragmentSelector: {
      FragmentSelectorType: "PRODUCER_TIMESTAMP",
      TimestampRange: { StartTimestamp: 0, EndTimestamp: 100 },
    },
  });
  expect(body["Fragments"]).toHaveLength(5);
});

test("large fragments come whole, page by page", async () => {
  await it.put("s", header(), fragment(1000, { bytes: 700_000 }), fragment(2000));
  const chunks = await read(2, { StartSelectorType: "EARLIEST" });
  expect(chunks[0]?.frames.map(({ data }) => data.length)).toEqual([6, 8, 8, 8, 8].map((name) => name + 700_000));
  expect(chunks.map((chunk) => names(chunk).length)).toEqual([5, 5]);
});

test("a fragment that expires while a reader is behind is passed over", async () => {
  await it.createStream("short", 1);
  const reader = await it.getMedia("short", { StartSelectorType: "EARLIEST" });
  reader.answer.pause();
  // More than the connection takes: the reader is sent the rest of it only after the second has expired.
  await it.put("short", header(), fragment(1000, { bytes: 4_000_000 }));
  await it.put("short", header(), fragment(2000));
  it.clock.advance(61 * 60_000);
  await it.put("short", header(), fragment(3000));
  reader.answer.resume();
  expect((await reader.chunks(2)).map(timeOf)).toEqual([1000, 3000]);
});

test("fragments past their retention are not shown, and their bytes go", async () => {
  await it.createStream("short", 1);
  await it.put("short", header(), fragment(1000));
  it.clock.advance(50 * 60_000);
  await it.put("short", header(), fragment(2000));
  it.clock.advance(11 * 60_000);
  const { media } = it.service.stream("short").shards;
  const before = it.log.bounds(media).bytes;
  const reader = await it.getMedia("short", { StartSelectorType: "EARLIEST" });
  expect((await reader.chunks(1)).map(timeOf)).toEqual([2000]);
  await it.service.trim();
  expect(it.log.bounds(media).bytes).toBeLessThan(before);
  const after = await it.getMedia("short", { StartSelectorType: "EARLIEST" });
  expect((await after.chunks(1)).map(timeOf)).toEqual([2000]);
});

test("a stream without retention can be read live, and keeps two minutes", async () => {
  await it.createStream("live", 0);
  const reader = await it.getMedia("live", { StartSelectorType: "NOW" });
  await it.put("live", header(), fragment(1000));
  expect((await reader.chunks(1)).map(timeOf)).toEqual([1000]);
  it.clock.advance(121_000);
  await it.put("live", header(), fragment(2000));
  const late = await it.getMedia("live", { StartSelectorType: "EARLIEST" });
  expect((await late.chunks(1)).map(timeOf)).toEqual([2000]);
});

test("after a restart everything is as it was", async () => {
  const numbers = await putEach(1000, 2000);
  it = await it.restarted();
  await putEach(3000);
  const chunks = await read(3, { StartSelectorType: "EARLIEST" });
  expect(chunks.map(timeOf)).toEqual([1000, 2000, 3000]);
  expect(chunks.slice(0, 2).map(({ identity }) => identity["FRAGMENT_NUMBER"])).toEqual(numbers);
});

test("deleting a stream ends its readers", async () => {
  const arn = await it.createStream("d");
  const reader = await it.getMedia("d", { StartSelectorType: "NOW" });
  await it.call("deleteStream", { StreamARN: arn });
  await expect(reader.chunks(1)).rejects.toThrow("ended after 0");
});

test("a reader that takes nothing costs no memory, and hinders nobody", async () => {
  const stalled = await it.getMedia("s", { StartSelectorType: "NOW" });
  stalled.answer.pause();
  const call = await it.putMedia("s");
  call.outgoing.write(header());
  for (let i = 1; i <= 40; i++) {
    call.outgoing.write(fragment(i * 1000, { bytes: 200_000, ends: true }));
    await call.ack("PERSISTED", i * 1000);
  }
  // 40 MB were put; what the reader was sent is what the system's buffers took.
  const other = await read(1, { StartSelectorType: "NOW" });
  expect(other.map(timeOf)).toEqual([40_000]);
  expect(await it.counted('bytes_total{direction="out"}')).toBeLessThan(20_000_000);
});

test("a reader that takes nothing for a minute is cut and counted", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const stalled = await it.getMedia("s", { StartSelectorType: "NOW" });
    stalled.answer.pause();
    const call = await it.putMedia("s");
    call.outgoing.write(header());
    const sent = (): Promise<number> => it.counted('bytes_total{direction="out"}');
    let [before, now] = [-1, 0];
    for (let time = 1000; now !== before; time += 1000) {
      call.outgoing.write(fragment(time, { bytes: 1_000_000, ends: true }));
      await call.ack("PERSISTED", time);
      [before, now] = [now, await sent()];
      if (now === 0) before = -1;
    }
    const closed = new Promise<void>((resolve) => void stalled.answer.on("close", resolve));
    vi.advanceTimersByTime(60_000);
    expect(await it.counted('readers_dropped_total{cause="stalled"}')).toBe(1);
    stalled.answer.resume();
    await closed;
    expect(await it.counted("readers")).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
