import { afterEach, beforeEach, expect, test } from "vitest";
import { playableFragment, playableHeader } from "../testing/playable-document.js";
import { type TestPut, TestVideo } from "../testing/test-video.js";
import { LiveTail } from "./live-tail.js";

let it: TestVideo;
let producer: TestPut;
let tail: LiveTail;

beforeEach(async () => {
  it = await TestVideo.start();
  await it.createStream("s");
  producer = await it.putMedia("s");
  tail = new LiveTail(it.log, it.service.stream("s"));
});
afterEach(() => it.close());

/** As a player's request does, each with a signal of its own. */
function wait(): Promise<void> {
  return tail.changed(new AbortController().signal);
}

test("all who wait hear of a change, a few in each turn of the event loop", async () => {
  let turn = 0;
  const count = (): void => {
    turn += 1;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  const wokenIn = new Map<number, number>();
  const waiting = Array.from({ length: 100 }, async () => {
    await wait();
    wokenIn.set(turn, (wokenIn.get(turn) ?? 0) + 1);
  });
  producer.outgoing.write(Buffer.concat([playableHeader(), playableFragment(1000, { pictures: 1 })]));
  await Promise.all(waiting);
  clearImmediate(timer);
  expect(Math.max(...wokenIn.values())).toBeLessThanOrEqual(16);
});

test("who begins to wait while others are woken hears of the next change", async () => {
  const again = Array.from({ length: 40 }, async () => {
    await wait();
    await tail.catchUp();
    return wait();
  });
  producer.outgoing.write(Buffer.concat([playableHeader(), playableFragment(1000, { pictures: 1 })]));
  await producer.ack("BUFFERING");
  producer.outgoing.end(playableFragment(2000));
  expect(await Promise.all(again)).toHaveLength(40);
});

test("who waits for a stream that is deleted hears so, each", async () => {
  const waiting = [wait(), wait()];
  const [one, other] = waiting.map((changed) => changed.then(() => tail.catchUp()));
  await Promise.all([
    expect(one).rejects.toMatchObject({ code: "no-such-shard" }),
    expect(other).rejects.toMatchObject({ code: "no-such-shard" }),
    it.service.delete("s", undefined),
  ]);
});

test("who leaves waits no longer, and the others still do", async () => {
  const leaving = new AbortController();
  const [left, stayed] = [tail.changed(leaving.signal), wait()];
  leaving.abort();
  await left;
  producer.outgoing.write(Buffer.concat([playableHeader(), playableFragment(1000, { pictures: 1 })]));
  await expect(stayed).resolves.toBeUndefined();
});
