import { afterEach, beforeEach, expect, test } from "vitest";
import { morePictures, pictureData, playableFragment, playableHeader } from "../testing/playable-document.js";
import { type TestPut, TestVideo } from "../testing/test-video.js";
import { type ReadMediaPlaylist, TestPlayer } from "./testing/test-player.js";

const START = 1_700_000_000_000;

let it: TestVideo;
let producer: TestPut;
let player: TestPlayer;
let playlistUrl: string;

/** A stream with one fragment of a second, and a live session of it. */
beforeEach(async () => {
  it = await TestVideo.start();
  await it.createStream("s");
  await it.put("s", playableHeader(), playableFragment(START));
  producer = await it.putMedia("s");
  producer.outgoing.write(playableHeader());
  player = await TestPlayer.open(it, {
    StreamName: "s",
    HLSFragmentSelector: { FragmentSelectorType: "PRODUCER_TIMESTAMP" },
    DiscontinuityMode: "ON_DISCONTINUITY",
  });
  playlistUrl = (await player.master()).main;
});
afterEach(() => it.close());

/** The media playlist as soon as it has what is awaited. */
function reload(sequence: number, part?: number): Promise<ReadMediaPlaylist> {
  return player.media(`${playlistUrl}&_HLS_msn=${sequence}${part === undefined ? "" : `&_HLS_part=${part}`}`);
}

/** The number of the segment that comes next. */
async function nextSequence(): Promise<number> {
  return ((await player.media(playlistUrl)).segments.at(-1)?.sequence ?? 0) + 1;
}

async function dataOf(url: string): Promise<string> {
  const { status, body } = await player.get(url);
  return status === 200 ? body.subarray(body.indexOf("mdat") + 4).toString("latin1") : String(status);
}

const picture = (time: number, i: number): string => pictureData(time, i).toString("latin1");

test("a fragment that is coming is listed by its parts, each when the frame behind it has come", async () => {
  const next = await nextSequence();
  const waiting = reload(next, 1);
  producer.outgoing.write(playableFragment(START + 1000, { pictures: 3 }));
  const { coming, hint, text } = await waiting;
  expect(text).toContain("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.750\n");
  expect(text).toContain("#EXT-X-PART-INF:PART-TARGET=0.250\n");
  expect(coming.map(({ seconds, isIndependent }) => [seconds, isIndependent])).toEqual([
    [0.2, true],
    [0.2, false],
  ]);
  expect(await dataOf(coming[1]?.url ?? "")).toBe(picture(START + 1000, 1));
  const hinted = dataOf(hint ?? "");
  producer.outgoing.write(morePictures(START + 1000, 3, 4));
  expect(await hinted).toBe(picture(START + 1000, 2));
});

test("parts add up to the segment, whose number they had", async () => {
  const next = await nextSequence();
  producer.outgoing.write(playableFragment(START + 1000, { pictures: 3 }));
  const before = await reload(next, 1);
  producer.outgoing.write(morePictures(START + 1000, 3, 5));
  producer.outgoing.end();
  const { segments } = await reload(next);
  const last = segments.at(-1);
  expect(last?.sequence).toBe(next);
  expect(last?.parts.slice(0, 2)).toEqual(before.coming);
  const parts = await Promise.all((last?.parts ?? []).map(({ url }) => dataOf(url)));
  expect(parts).toHaveLength(5);
  expect(parts.join("")).toBe(await dataOf(last?.url ?? ""));
});

test("a line stands behind the last segment, as hls.js needs it, also while nothing is coming", async () => {
  const { text, hint, coming } = await player.media(playlistUrl);
  expect([hint, coming]).toEqual([undefined, []]);
  expect(text.trimEnd().split("\n").at(-1)).toMatch(/^#/);
});

test("a fragment that never ends leaves a gap and a discontinuity, and its number is not used again", async () => {
  const next = await nextSequence();
  producer.outgoing.write(playableFragment(START + 1000, { pictures: 3 }));
  await reload(next, 1);
  producer.outgoing.destroy();
  await it.put("s", playableHeader(), playableFragment(START + 1400));
  const { segments } = await reload(next + 1);
  const [before, gap, after] = segments.slice(-3);
  expect([gap?.isGap, gap?.sequence]).toEqual([true, next]);
  expect([after?.isGap, after?.sequence, after?.timeline]).toEqual([false, next + 1, (before?.timeline ?? 0) + 1]);
});

test("what a connection leaves unfinished is taken back as soon as that ends, and nobody waits for more of it", async () => {
  // Players wait for three times as long; this test does not.
  await it.put("s", playableHeader(), playableFragment(START + 1000, { durationMs: 9000 }));
  const next = await nextSequence();
  producer.outgoing.write(playableFragment(START + 10_000, { pictures: 3 }));
  const { hint = "" } = await reload(next, 1);
  let hinted: number | undefined;
  void player.get(hint).then(({ status }) => (hinted = status));
  const waiting = reload(next);
  await player.get(playlistUrl); // answered after the ones before have begun to wait
  producer.outgoing.destroy();
  const taken = await waiting;
  expect(taken.segments.at(-1)).toMatchObject({ isGap: true, sequence: next });
  expect([taken.coming, taken.hint]).toEqual([[], undefined]);
  const again = await it.putMedia("s");
  again.outgoing.write(Buffer.concat([playableHeader(), playableFragment(START + 10_000, { pictures: 3 })]));
  const resent = await reload(next + 1, 1);
  expect(resent.text.slice(resent.text.indexOf("#EXT-X-GAP"))).toContain("#EXT-X-DISCONTINUITY\n#EXT-X-PART:");
  again.outgoing.end();
  const { segments } = await reload(next + 1);
  const [before, gap, after] = segments.slice(-3);
  expect([gap?.isGap, gap?.timeline]).toEqual([true, before?.timeline]);
  expect([after?.isGap, after?.timeline]).toEqual([false, (before?.timeline ?? 0) + 1]);
  expect(hinted).toBe(404);
});

test("of what a connection leaves after its first frame, of which no part was listed, nothing is left", async () => {
  const next = await nextSequence();
  producer.outgoing.write(playableFragment(START + 1000, { pictures: 1 }));
  await producer.ack("BUFFERING");
  expect((await player.media(playlistUrl)).hint).toBeDefined();
  producer.outgoing.destroy();
  await it.put("s", playableHeader(), playableFragment(START + 1000));
  const { segments } = await reload(next);
  expect(segments.slice(-2).map(({ isGap, sequence }) => [isGap, sequence])).toEqual([
    [false, next - 1],
    [false, next],
  ]);
});

test("what is sent late is neither among the parts nor among the segments, though it is the next in time", async () => {
  const next = await nextSequence();
  const late = await it.putMedia("s", { "x-headwater-lane": "backfill" });
  late.outgoing.write(Buffer.concat([playableHeader(), playableFragment(START + 1000, { pictures: 3 })]));
  await late.ack("BUFFERING");
  expect((await player.media(playlistUrl)).hint).toBeUndefined();
  producer.outgoing.write(playableFragment(START + 5000, { pictures: 3 }));
  const { coming } = await reload(next, 1);
  expect(await dataOf(coming[0]?.url ?? "")).toBe(picture(START + 5000, 0));
  late.outgoing.end(playableFragment(START + 2000));
  await late.ended;
  // More of them than a tail remembers.
  for (let i = 0; i < 9; i++) {
    const call = await it.putMedia("s", { "x-headwater-lane": "backfill" });
    call.outgoing.end(Buffer.concat([playableHeader(), playableFragment(START + 2100 + i * 100)]));
    await call.ended;
  }
  expect((await player.media(playlistUrl)).coming).toEqual(coming);
  producer.outgoing.end();
  const { segments } = await reload(next);
  expect(segments.map(({ sequence }) => sequence)).toEqual([next - 1, next]);
  expect(await dataOf(segments.at(-1)?.url ?? "")).toContain(picture(START + 5000, 0));
  const last = await it.putMedia("s", { "x-headwater-lane": "backfill" });
  last.outgoing.end(Buffer.concat([playableHeader(), playableFragment(START + 3500), playableFragment(START + 3600)]));
  await last.ended;
  expect((await player.media(playlistUrl)).segments.at(-1)).toEqual(segments.at(-1));
});

test("what is sent late does not come between", async () => {
  const next = await nextSequence();
  producer.outgoing.write(playableFragment(START + 1000, { pictures: 3 }));
  const { coming } = await reload(next, 1);
  await it.put("s", playableHeader(), playableFragment(START - 9000));
  expect((await player.media(playlistUrl)).coming).toEqual(coming);
});

test("a player that asks for the far future is refused", async () => {
  const { status } = await player.get(`${playlistUrl}&_HLS_msn=${(await nextSequence()) + 5}`);
  expect(status).toBe(400);
});

test("a player that waits for what never comes hears so when the stream is deleted", async () => {
  const waiting = player.get(`${playlistUrl}&_HLS_msn=${await nextSequence()}`);
  await player.get(playlistUrl); // answered after the one before has begun to wait
  await it.service.delete("s", undefined);
  expect((await waiting).status).toBe(404);
});

test("a session by server time has no parts", async () => {
  const byServer = await TestPlayer.open(it, { StreamName: "s" });
  producer.outgoing.write(playableFragment(START + 1000, { pictures: 3 }));
  await producer.ack("BUFFERING");
  expect((await byServer.media()).text).not.toContain("PART");
});
