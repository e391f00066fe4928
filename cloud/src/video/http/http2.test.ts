import { once } from "node:events";
import { type AddressInfo, createConnection, createServer } from "node:net";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fragment, header } from "../testing/producer-document.js";
import { ChunkReader, names } from "../testing/read-chunks.js";
import { TestVideo } from "../testing/test-video.js";

let it: TestVideo;
let session: ClientHttp2Session;

beforeEach(async () => {
  it = await TestVideo.start();
  await it.createStream("s");
  session = connect(`http://127.0.0.1:${it.port}`);
});
afterEach(async () => {
  session.destroy();
  await it.close();
});

function post(operation: string, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
  return session.request({ ":method": "POST", ":path": `/${operation}`, ...headers });
}

/** Begins a GetMedia call. */
function read(): ClientHttp2Stream {
  const reading = post("getMedia");
  reading.on("error", () => undefined);
  reading.end(JSON.stringify({ StreamName: "s", StartSelector: { StartSelectorType: "NOW" } }));
  return reading;
}

/** Begins a PutMedia call and hears its lines until one says the event. */
function putMedia(): { stream: ClientHttp2Stream; hear: (event: string) => Promise<void> } {
  const stream = post("putMedia", { "x-amzn-stream-name": "s", "x-amzn-fragment-timecode-type": "ABSOLUTE" });
  let heard = "";
  stream.setEncoding("utf8").on("data", (lines: string) => (heard += lines));
  return {
    stream,
    hear: async (event) => {
      while (!heard.includes(`"EventType":"${event}"`)) await once(stream, "data");
    },
  };
}

test("the endpoint, PutMedia with its acknowledgements and GetMedia work over HTTP/2 too", async () => {
  const asking = post("getDataEndpoint");
  asking.end(JSON.stringify({ StreamName: "s", APIName: "PUT_MEDIA" }));
  expect(JSON.parse(await text(asking))).toEqual({ DataEndpoint: `http://127.0.0.1:${it.port}` });
  const { stream, hear } = putMedia();
  stream.write(Buffer.concat([header(), fragment(1000, { ends: true })]));
  await hear("PERSISTED");
  stream.end();
  await once(stream, "close");
  const reading = post("getMedia");
  reading.end(JSON.stringify({ StreamName: "s", StartSelector: { StartSelectorType: "EARLIEST" } }));
  const reader = new ChunkReader();
  while (reader.chunks.length === 0) reader.push(((await once(reading, "data")) as [Buffer])[0]);
  expect(reader.chunks.map((chunk) => names(chunk)[0])).toEqual(["1000/0"]);
  reading.close();
});

test("an error ends its call, and not the others of its connection", async () => {
  const { stream: bad, hear } = putMedia();
  bad.on("error", () => undefined);
  bad.write("garbage");
  await hear("ERROR");
  await once(bad, "close");
  const { stream: good, hear: hearGood } = putMedia();
  good.end(Buffer.concat([header(), fragment(1000)]));
  await hearGood("PERSISTED");
  expect(session.destroyed).toBe(false);
});

describe("a reader of a stream that is silent for longer than a connection may be", () => {
  beforeEach(async () => {
    session.destroy();
    await it.close();
    it = await TestVideo.start({ idleMs: 100 });
    await it.createStream("s");
  });

  test("is kept while it answers PING, and its connection goes when nobody holds it any more", async () => {
    session = connect(`http://127.0.0.1:${it.port}`);
    let hasGone = false;
    session.on("goaway", () => (hasGone = true));
    const reading = read();
    // Each comes after a tenth of a second of silence, and the answer to the one before.
    for (let pings = 0; pings < 5; pings++) await once(session, "ping");
    expect(hasGone).toBe(false);
    await it.put("s", header(), fragment(1000));
    const reader = new ChunkReader();
    while (reader.chunks.length === 0) reader.push(((await once(reading, "data")) as [Buffer])[0]);
    reading.close();
    await once(session, "close");
    expect(hasGone).toBe(true);
  });

  test("is cut where its peer is gone without a word", async () => {
    const proxy = createServer((near) => {
      const far = createConnection(it.port, "127.0.0.1");
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) socket.on("error", () => undefined);
      proxy.once("silence", () => {
        for (const socket of [near, far]) socket.unpipe().pause();
      });
      proxy.once("end", () => {
        for (const socket of [near, far]) socket.destroy();
      });
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    session = connect(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    await once(read(), "response");
    expect(await it.counted("readers")).toBe(1);
    proxy.emit("silence");
    await vi.waitUntil(() => it.service.stream("s").readers.size === 0, { timeout: 20_000 });
    proxy.emit("end");
    proxy.close();
  });
});

test("deleting the stream ends its readers", async () => {
  const arn = await it.createStream("d");
  const reading = post("getMedia");
  reading.on("error", () => undefined);
  reading.end(JSON.stringify({ StreamName: "d", StartSelector: { StartSelectorType: "NOW" } }));
  await once(reading, "response");
  const closed = new Promise<void>((resolve) => void reading.on("close", resolve));
  await it.call("deleteStream", { StreamARN: arn });
  await closed;
  expect(await it.counted("readers")).toBe(0);
});
