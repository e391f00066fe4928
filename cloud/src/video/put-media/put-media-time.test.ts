import { once } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fragment, header } from "../testing/producer-document.js";
import { TestVideo } from "../testing/test-video.js";

let it: TestVideo;

beforeEach(async () => {
  it = await TestVideo.start();
  await it.createStream("s");
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
});
afterEach(async () => {
  vi.useRealTimers();
  await it.close();
});

test("a producer that has nothing to send hears so every ten seconds, and after five minutes that it is over", async () => {
  const call = await it.putMedia("s");
  call.outgoing.on("error", () => undefined);
  call.outgoing.write(Buffer.concat([header(), fragment(1000, { ends: true })]));
  await call.ack("PERSISTED", 1000);
  vi.advanceTimersByTime(10_000);
  expect(await call.ack("IDLE")).toEqual({ EventType: "IDLE" });
  vi.advanceTimersByTime(295_000);
  expect(await call.ack("ERROR")).toEqual({ EventType: "ERROR", ErrorId: 4000, ErrorCode: "STREAM_READ_ERROR" });
});

test("of five connections, the one that is silent for longest gives way to a sixth", async () => {
  const silent = await it.putMedia("s");
  silent.outgoing.on("error", () => undefined);
  const closed = once(silent.outgoing, "close");
  const others = [];
  for (let i = 0; i < 4; i++) others.push(await it.putMedia("s"));
  vi.advanceTimersByTime(10_000);
  for (const other of others) {
    other.outgoing.write(Buffer.concat([header(), fragment(1000, { ends: true })]));
    await other.ack("PERSISTED", 1000);
  }
  const sixth = await it.putMedia("s");
  expect(sixth.answer.statusCode).toBe(200);
  await closed;
  expect(await it.counted("producers")).toBe(5);
});
