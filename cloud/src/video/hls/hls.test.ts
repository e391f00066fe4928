import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fragment as unplayable, header } from "../testing/producer-document.js";
import { pictureData, PICTURE, playableFragment, playableHeader, soundData } from "../testing/playable-document.js";
import { TestVideo } from "../testing/test-video.js";
import { TestPlayer } from "./testing/test-player.js";

const START = 1_700_000_000_000;
const SEGMENTS = [0, 1, 2, 3, 4].map((i) => START + i * 1000);

let it: TestVideo;
beforeEach(async () => {
  it = await TestVideo.start();
  await it.createStream("s");
});
afterEach(() => it.close());

/** Puts fragments of a second each; the cloud's clock goes on by as much. */
async function put(times: readonly number[], { hasAudio = false, video = PICTURE } = {}): Promise<void> {
  for (const time of times) {
    await it.put("s", playableHeader({ hasAudio, video }), playableFragment(time, { hasAudio }));
    it.clock.advance(1000);
  }
}

function onDemand(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    StreamName: "s",
    PlaybackMode: "ON_DEMAND",
    HLSFragmentSelector: {
      FragmentSelectorType: "PRODUCER_TIMESTAMP",
      TimestampRange: { StartTimestamp: START / 1000, EndTimestamp: START / 1000 + 3600 },
    },
    ...more,
  };
}

const live = {
  StreamName: "s",
  PlaybackMode: "LIVE",
  HLSFragmentSelector: { FragmentSelectorType: "PRODUCER_TIMESTAMP" },
};

/** The time that a segment begins with, by its `tfdt`, and what follows its `mdat`. */
function read(segment: Buffer): { decodeMs: number; data: Buffer } {
  const decode = segment.readBigUInt64BE(segment.indexOf("tfdt") + 8);
  return { decodeMs: Number(decode) / 90, data: segment.subarray(segment.indexOf("mdat") + 4) };
}

describe("a session of the past", () => {
  test("lists all fragments, whose segments hold what was put, at its time", async () => {
    await put(SEGMENTS);
    const player = await TestPlayer.open(it, onDemand());
    const { text } = await player.master();
    expect(text).toContain('CODECS="avc1.42c01f",RESOLUTION=');
    expect(text).toContain("FRAME-RATE=5.000");
    const { segments, targetSeconds, isOver } = await player.media();
    expect({ targetSeconds, isOver }).toEqual({ targetSeconds: 1, isOver: true });
    expect(segments.map(({ sequence, timeline, seconds }) => [sequence, timeline, seconds])).toEqual(
      [1, 2, 3, 4, 5].map((sequence) => [sequence, 0, 1]),
    );
    const init = await player.get(segments[0]?.map ?? "");
    expect(init.headers["content-type"]).toBe("video/mp4");
    expect(init.body.includes(PICTURE.codecPrivate ?? "")).toBe(true);
    for (const [i, { url, map }] of segments.entries()) {
      const time = SEGMENTS[i] ?? 0;
      const { body } = await player.get(url);
      expect(read(body)).toEqual({
        decodeMs: time,
        data: Buffer.concat([0, 1, 2, 3, 4].map((at) => pictureData(time, at))),
      });
      expect(map).toBe(segments[0]?.map);
    }
  });

  test.each([
    [1400, 1],
    [1600, 2],
  ])("whose longest fragment lasts %d ms has a target duration of %d s", async (durationMs, target) => {
    await put(SEGMENTS.slice(0, 1));
    await it.put("s", playableHeader(), playableFragment(START + 1000, { durationMs }));
    const { targetSeconds } = await (await TestPlayer.open(it, onDemand())).media();
    expect(targetSeconds).toBe(target);
  });

  test("is sorted by producer time, each time once, the last that came", async () => {
    const [a = 0, b = 0, c = 0] = SEGMENTS;
    await put([c, a]);
    await it.put("s", playableHeader(), playableFragment(c, { durationMs: 500 }));
    await put([b]);
    const { segments } = await (await TestPlayer.open(it, onDemand())).media();
    expect(segments.map(({ seconds }) => seconds)).toEqual([1, 1, 0.5]);
  });

  test("has what its range has, no more, and leads to nothing else", async () => {
    await put(SEGMENTS);
    const all = await TestPlayer.open(it, onDemand());
    const TimestampRange = { StartTimestamp: START / 1000 + 1, EndTimestamp: START / 1000 + 3 };
    const HLSFragmentSelector = { FragmentSelectorType: "PRODUCER_TIMESTAMP", TimestampRange };
    const some = await TestPlayer.open(it, onDemand({ HLSFragmentSelector }));
    const listed = (await some.media()).segments.map(({ url }) => url);
    expect(listed).toHaveLength(3);
    const foreign = /FragmentNumber=\d+/.exec((await all.media()).segments[0]?.url ?? "")?.[0] ?? "";
    const url = (listed[0] ?? "").replace(/FragmentNumber=\d+/, foreign);
    expect((await some.get(url)).status).toBe(404);
    expect((await some.get(listed[0] ?? "")).status).toBe(200);
  });

  test("stays as it was when the session was made", async () => {
    await put(SEGMENTS.slice(0, 2));
    const player = await TestPlayer.open(it, onDemand());
    await put(SEGMENTS.slice(2));
    expect((await player.media()).segments).toHaveLength(2);
  });

  test("outlives a restart", async () => {
    await put(SEGMENTS);
    const before = await TestPlayer.open(it, onDemand());
    const { text } = await before.media();
    it = await it.restarted();
    const after = new TestPlayer(before.url.replace(/:\d+\//, `:${it.port}/`));
    expect((await after.media()).text).toBe(text);
  });
});

describe("sound", () => {
  test("is a playlist of its own beside the picture", async () => {
    await put(SEGMENTS, { hasAudio: true });
    const player = await TestPlayer.open(it, onDemand());
    const { text, main, audio } = await player.master();
    expect(text).toContain('CODECS="avc1.42c01f,mp4a.40.2"');
    expect(text).toMatch(/#EXT-X-STREAM-INF:.*AUDIO="audio"/);
    const [picture, sound] = [await player.media(main), await player.media(audio)];
    expect(sound.segments.map(({ seconds }) => seconds)).toEqual(picture.segments.map(({ seconds }) => seconds));
    const { body, headers } = await player.get(sound.segments[1]?.url ?? "");
    expect(headers["content-type"]).toBe("audio/mp4");
    const time = SEGMENTS[1] ?? 0;
    expect(read(body).data).toEqual(Buffer.concat([0, 1, 2, 3, 4].map((at) => soundData(time, at))));
  });

  test("that is missing from a fragment leaves a segment that players skip", async () => {
    await it.put("s", playableHeader({ hasAudio: true }), playableFragment(START));
    const player = await TestPlayer.open(it, onDemand());
    const { segments } = await player.media((await player.master()).audio);
    const { status, body } = await player.get(segments[0]?.url ?? "");
    expect([status, body.toString("latin1")]).toEqual([200, "\0\0\0\x08free"]);
  });
});

describe("a live session", () => {
  test("shows the newest, and counts on", async () => {
    await put(SEGMENTS.slice(0, 3));
    const player = await TestPlayer.open(it, { ...live, MaxMediaPlaylistFragmentResults: 2 });
    const before = await player.media();
    await put(SEGMENTS.slice(3, 4));
    const after = await player.media();
    expect(after.isOver).toBe(false);
    expect(after.segments[0]).toEqual(before.segments[1]);
    expect(after.segments).toHaveLength(2);
  });

  test("by producer time does not go back for what comes late", async () => {
    await put(SEGMENTS.slice(0, 2));
    const player = await TestPlayer.open(it, live);
    await put([START - 5000]);
    expect((await player.media()).segments).toHaveLength(2);
    await put(SEGMENTS.slice(2, 3));
    const { segments } = await player.media();
    expect(segments.map(({ sequence }) => sequence - (segments[0]?.sequence ?? 0))).toEqual([0, 1, 2]);
  });

  test("keeps its numbers when retention takes the first fragments", async () => {
    await put(SEGMENTS.slice(0, 4));
    const player = await TestPlayer.open(it, { ...live, Expires: 43_200 });
    const sequences = new Map((await player.media()).segments.map(({ url, sequence }) => [url, sequence]));
    await it.call("updateDataRetention", {
      StreamName: "s",
      CurrentVersion: it.service.describe("s").version,
      Operation: "DECREASE_DATA_RETENTION",
      DataRetentionChangeInHours: 23,
    });
    it.clock.advance(3_600_000 - 2500);
    const { segments } = await player.media();
    expect(segments).toHaveLength(2);
    for (const { url, sequence } of segments) expect(sequence).toBe(sequences.get(url));
  });

  test("of a stream that has been silent for half a minute is refused", async () => {
    await put(SEGMENTS);
    it.clock.advance(31_000);
    const { status, type } = await it.call("getHLSStreamingSessionURL", live);
    expect([status, type]).toEqual([404, "ResourceNotFoundException"]);
  });
});

describe("a replay", () => {
  test("begins with the past, goes on as its durations elapse, and ends", async () => {
    await put(SEGMENTS);
    const player = await TestPlayer.open(it, {
      ...onDemand(),
      PlaybackMode: "LIVE_REPLAY",
      HLSFragmentSelector: {
        FragmentSelectorType: "PRODUCER_TIMESTAMP",
        TimestampRange: { StartTimestamp: START / 1000, EndTimestamp: START / 1000 + 60 },
      },
      MaxMediaPlaylistFragmentResults: 2,
    });
    const seen: number[][] = [];
    for (let i = 0; i < 5; i++) {
      seen.push((await player.media()).segments.map(({ sequence }) => sequence));
      it.clock.advance(1000);
    }
    expect(seen).toEqual([
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 5],
      [4, 5],
    ]);
    expect((await player.media()).isOver).toBe(false);
    it.clock.advance(60_000);
    expect((await player.media()).isOver).toBe(true);
  });
});

test.each([
  ["ALWAYS", [0, 1, 2, 3]],
  ["ON_DISCONTINUITY", [0, 0, 1, 2]],
  ["NEVER", [0, 0, 0, 0]],
])("DiscontinuityMode %s", async (DiscontinuityMode, timelines) => {
  const [a = 0, b = 0] = SEGMENTS;
  await put([a, b + 40, b + 1200]);
  const other = { ...PICTURE, defaultDurationNs: 100_000_000 };
  await put([b + 2200], { video: other });
  const player = await TestPlayer.open(it, onDemand({ DiscontinuityMode }));
  const { segments } = await player.media();
  expect(segments.map(({ timeline }) => timeline - (segments[0]?.timeline ?? 0))).toEqual(timelines);
  expect(new Set(segments.map(({ map }) => map)).size).toBe(2);
});

test.each([
  ["ALWAYS", 0],
  ["NEVER", 80],
])("with DiscontinuityMode %s a fragment with B-frames is decoded %d ms before it begins", async (mode, beforeMs) => {
  // As x264 writes it: Main profile, 25 pictures a second, two of them reordered.
  const codecPrivate = "014d401effe10018674d401eeca05017fcb808800000030080000019078b16cb01000568ebe3cb20";
  await put(SEGMENTS.slice(0, 1), { video: { ...PICTURE, codecPrivate: Buffer.from(codecPrivate, "hex") } });
  const player = await TestPlayer.open(it, onDemand({ DiscontinuityMode: mode }));
  const [segment] = (await player.media()).segments;
  expect(read((await player.get(segment?.url ?? "")).body).decodeMs).toBe(START - beforeMs);
});

test("DisplayFragmentTimestamp dates each fragment by the clock that selects it", async () => {
  await put(SEGMENTS.slice(0, 2));
  const player = await TestPlayer.open(it, onDemand({ DisplayFragmentTimestamp: "ALWAYS" }));
  const { segments } = await player.media();
  expect(segments.map(({ dateTime }) => Date.parse(dateTime ?? ""))).toEqual(SEGMENTS.slice(0, 2));
});

describe("a session's URLs", () => {
  test("hold until it expires, then answer 403", async () => {
    await put(SEGMENTS);
    const player = await TestPlayer.open(it, onDemand());
    const { segments } = await player.media();
    it.clock.advance(300_000 - 1);
    expect((await player.get(segments[0]?.url ?? "")).status).toBe(200);
    it.clock.advance(1);
    for (const url of [player.url, segments[0]?.map ?? "", segments[0]?.url ?? ""]) {
      const { status, headers } = await player.get(url);
      expect([status, headers["access-control-allow-origin"]]).toEqual([403, "*"]);
    }
  });

  test("are for pages of any origin, and for HEAD", async () => {
    await put(SEGMENTS);
    const player = await TestPlayer.open(it, onDemand());
    const { url } = (await player.media()).segments[0] ?? { url: "" };
    const [whole, head] = [await player.get(url), await player.get(url, "HEAD")];
    expect(head.body).toHaveLength(0);
    expect(head.headers["content-length"]).toBe(String(whole.body.length));
    expect(whole.headers["access-control-allow-origin"]).toBe("*");
    expect(whole.headers["cache-control"]).toBe("private, max-age=300, immutable");
    const preflight = await player.get(url, "OPTIONS");
    expect([preflight.status, preflight.headers["access-control-allow-origin"]]).toEqual([204, "*"]);
    expect((await player.get(url, "POST")).status).toBe(403);
  });

  test.each([
    ["a token that is not ours", "getHLSMasterPlaylist.m3u8?SessionToken=AAAA", 403],
    ["no token", "getHLSMasterPlaylist.m3u8", 403],
    ["no such file", "getTSFragment.ts?SessionToken=AAAA", 404],
    ["no URL at all", "//[", 404],
  ])("%s is refused", async (_, path, status) => {
    const player = new TestPlayer(`http://127.0.0.1:${it.port}/hls/v1/`);
    expect((await player.get(`http://127.0.0.1:${it.port}/hls/v1/${path}`)).status).toBe(status);
  });

  test.each([
    ["a track that it does not have", /TrackNumber=1/, "TrackNumber=7", 404],
    ["a track that is no number", /TrackNumber=1/, "TrackNumber=x", 400],
    ["a fragment that there is none of", /FragmentNumber=\d+/, "FragmentNumber=1", 404],
    ["a fragment number beyond all", /FragmentNumber=\d+/, `FragmentNumber=${"9".repeat(200)}`, 400],
    ["another's token", /SessionToken=[^&]+/, "SessionToken=WzFd", 403],
  ])("%s is refused", async (_, pattern, instead, status) => {
    await put(SEGMENTS);
    const player = await TestPlayer.open(it, onDemand());
    const { url } = (await player.media()).segments[0] ?? { url: "" };
    expect((await player.get(url.replace(pattern, instead))).status).toBe(status);
  });

  test("of a stream that was deleted lead nowhere, also when its name is used again", async () => {
    await put(SEGMENTS);
    const player = await TestPlayer.open(it, onDemand());
    await it.service.delete("s", undefined);
    expect((await player.get(player.url)).status).toBe(404);
  });
});

describe("what is refused", () => {
  const range = { StartTimestamp: START / 1000, EndTimestamp: START / 1000 + 10 };
  test.each([
    ["MPEG-TS", { ContainerFormat: "MPEG_TS" }],
    ["a range of the present", { PlaybackMode: "LIVE", HLSFragmentSelector: { TimestampRange: range } }],
    ["a replay without start", { PlaybackMode: "LIVE_REPLAY", HLSFragmentSelector: undefined }],
    ["a past without range", { HLSFragmentSelector: {} }],
    ["a past without end", { HLSFragmentSelector: { TimestampRange: { StartTimestamp: 1 } } }],
    ["an end before the start", { HLSFragmentSelector: { TimestampRange: { StartTimestamp: 2, EndTimestamp: 1 } } }],
    [
      "more than a day",
      {
        HLSFragmentSelector: {
          FragmentSelectorType: "PRODUCER_TIMESTAMP",
          TimestampRange: { StartTimestamp: 0, EndTimestamp: 86_401 },
        },
      },
    ],
    ["too short a life", { Expires: 299 }],
    ["too long a life", { Expires: 43_201 }],
    ["too many fragments", { MaxMediaPlaylistFragmentResults: 5001 }],
  ])("%s: InvalidArgumentException", async (_, more) => {
    await put(SEGMENTS);
    const { status, type } = await it.call("getHLSStreamingSessionURL", onDemand(more));
    expect([status, type]).toEqual([400, "InvalidArgumentException"]);
  });

  test("a stream without retention, without fragments, without a decoder's configuration", async () => {
    await it.createStream("unretained", 0);
    const typeOf = async (StreamName: string): Promise<string | undefined> =>
      (await it.call("getHLSStreamingSessionURL", onDemand({ StreamName }))).type;
    expect(await typeOf("unretained")).toBe("NoDataRetentionException");
    expect(await typeOf("s")).toBe("ResourceNotFoundException");
    await it.put("s", header(), unplayable(START));
    expect(await typeOf("s")).toBe("InvalidCodecPrivateDataException");
    await it.createStream("other");
    await it.put("other", header([{ ...PICTURE, codecId: "V_VP9" }]), unplayable(START));
    expect(await typeOf("other")).toBe("UnsupportedStreamMediaTypeException");
  });
});
