import { afterEach, beforeEach, expect, test } from "vitest";
import { fragment, header } from "./testing/producer-document.js";
import { names } from "./testing/read-chunks.js";
import { TestVideo } from "./testing/test-video.js";

let it: TestVideo;

beforeEach(async () => {
  it = await TestVideo.start();
  await it.createStream("s");
});
afterEach(() => it.close());

test("what is put is acknowledged step by step, and read back", async () => {
  const { call, endpoint } = { call: await it.putMedia("s"), endpoint: `http://127.0.0.1:${it.port}` };
  const { body } = await it.call("getDataEndpoint", { StreamName: "s", APIName: "GET_MEDIA" });
  expect(body).toEqual({ DataEndpoint: endpoint });
  call.outgoing.write(Buffer.concat([header(), fragment(1000)]));
  const buffering = await call.ack("BUFFERING", 1000);
  call.outgoing.write(fragment(2000, { ends: true }));
  const persisted = await call.ack("PERSISTED", 2000);
  call.outgoing.end();
  await call.ended;
  expect(call.acks.map(({ EventType, FragmentTimecode }) => `${EventType} ${FragmentTimecode}`).toSorted()).toEqual(
    ["BUFFERING", "RECEIVED", "PERSISTED"].flatMap((event) => [`${event} 1000`, `${event} 2000`]).toSorted(),
  );
  const reader = await it.getMedia("s", { StartSelectorType: "EARLIEST" });
  const chunks = await reader.chunks(2);
  expect(chunks.map(names)).toEqual([1000, 2000].map((time) => [0, 200, 400, 600, 800].map((at) => `${time}/${at}`)));
  expect(chunks.map(({ identity }) => identity["FRAGMENT_NUMBER"])).toEqual([
    buffering.FragmentNumber,
    persisted.FragmentNumber,
  ]);
});
