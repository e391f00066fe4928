import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
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
