import { afterEach, beforeEach, expect, test } from "vitest";
import { playableFragment, playableHeader } from "../testing/playable-document.js";
import { type TestPut, TestVideo } from "../testing/test-video.js";
import { LiveTail } from "./live-tail.js";

let it: TestVideo;
let producer: TestPut;
let tail: LiveTail;
const gone = new AbortController().signal;

beforeEach(async () => {
  it = await TestVideo.start();
  await it.createStream("s");
  producer = await it.putMedia("s");
  tail = new LiveTail(it.log, it.service.stream("s"));
});
afterEach(() => it.close());

test("all who wait hear of a change, a few in each turn of the event loop", async () => {
  let turn = 0;
  const count = (): void => {
    turn += 1;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  const wokenIn = new Map<number, number>();
  const waiting = Array.from({ length: 100 }, async () => {
    await tail.changed(gone);
    wokenIn.set(turn, (wokenIn.get(turn) ?? 0) + 1);
  });
  producer.outgoing.write(Buffer.concat([playableHeader(), playableFragment(1000, { pictures: 1 })]));
  await Promise.all(waiting);
  clearImmediate(timer);
  expect(Math.max(...wokenIn.values())).toBeLessThanOrEqual(16);
});

test("who begins to wait while others are woken hears of the next change", async () => {
  const again = Array.from({ length: 40 }, async () => {
    await tail.changed(gone);
    await tail.catchUp();
    return tail.changed(gone);
  });
  producer.outgoing.write(Buffer.concat([playableHeader(), playableFragment(1000, { pictures: 1 })]));
  await producer.ack("BUFFERING");
  producer.outgoing.end(playableFragment(2000));
  expect(await Promise.all(again)).toHaveLength(40);
});

test("who waits for a stream that is deleted hears so, each", async () => {
  const waiting = [tail.changed(gone), tail.changed(gone)];
  const [one, other] = waiting.map((wait) => wait.then(() => tail.catchUp()));
  await Promise.all([
    expect(one).rejects.toMatchObject({ code: "no-such-shard" }),
    expect(other).rejects.toMatchObject({ code: "no-such-shard" }),
    it.service.delete("s", undefined),
  ]);
});

test("who leaves waits no longer, and the others still do", async () => {
  const leaving = new AbortController();
  const [left, stayed] = [tail.changed(leaving.signal), tail.changed(gone)];
  leaving.abort();
  await left;
  producer.outgoing.write(Buffer.concat([playableHeader(), playableFragment(1000, { pictures: 1 })]));
  await expect(stayed).resolves.toBeUndefined();
});
