import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { GetMediaCommand } from "@aws-sdk/client-kinesis-video-media";
import { MatroskaReader } from "@headwater/protocol/matroska";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { endOfFragment, sdkFragment, type SdkFragment, sdkHeader } from "./cloud-documents.js";
import { CloudProducer, type Habits, START_MS } from "./cloud-producer.js";
import { VideoClients } from "./cloud-reader.js";

const scope = new Scope();
let cloud: Part;
let clients: VideoClients;
let stream = "";
let streams = 0;
beforeAll(async () => {
  cloud = await startCloud(scope);
  clients = new VideoClients(scope, cloud.url);
});
beforeEach(async () => {
  stream = `camera-${++streams}`;
  await clients.createStream(stream);
});
afterAll(() => scope.close());

const open = (habits?: Habits): Promise<CloudProducer> => CloudProducer.open(scope, cloud.url, stream, habits);

/** Fragments a second apart. */
function fragmentsFrom(timecodeMs: number, count: number): SdkFragment[] {
  return Array.from({ length: count }, (_, i) => sdkFragment(timecodeMs + i * 1000, "producer", 800));
}

async function expectRead(fragments: readonly SdkFragment[]): Promise<void> {
  const read = await clients.read(stream, fragments.length);
  expect(read.map(({ frames }) => frames)).toEqual(fragments.map(({ frames }) => frames));
}

test.each<[string, Habits["expects"], string[]]>([
  ["waits for 100 Continue", "waits", ["HTTP/1.1 100 Continue", "HTTP/1.1 200 OK"]],
  ["asks for 100 Continue and does not wait", "sends on", ["HTTP/1.1 100 Continue", "HTTP/1.1 200 OK"]],
  ["asks for nothing", "never", ["HTTP/1.1 200 OK"]],
])("a producer that %s is answered and taken", async (_, expects = "never", statuses) => {
  const producer = await open({ expects });
  const fragments = fragmentsFrom(Date.now(), 2);
  await producer.send(Buffer.concat([sdkHeader(), ...fragments.map(({ bytes }) => bytes), endOfFragment]));
  await producer.ack("PERSISTED", fragments[1]?.timecodeMs);
  producer.end();
  expect(producer.statuses).toEqual(statuses);
  await expectRead(fragments);
});

test("relative timecodes count from a start whose milliseconds have no leading zeros, and are acknowledged as sent", async () => {
  const producer = await open({ timecodes: "RELATIVE" });
  const fragments = fragmentsFrom(0, 2);
  await producer.send(Buffer.concat([sdkHeader(), ...fragments.map(({ bytes }) => bytes), endOfFragment]));
  await producer.ack("PERSISTED", 1000);
  producer.end();
  const read = await clients.read(stream, 2);
  expect(read.map(({ producerMs }) => producerMs)).toEqual([START_MS, START_MS + 1000]);
});

test("while a token rotates, a second connection waits without a body until the first has ended", async () => {
  const first = await open();
  const fragments = fragmentsFrom(Date.now(), 6);
  const [one, two, ...rest] = fragments as [SdkFragment, SdkFragment, ...SdkFragment[]];
  await first.send(Buffer.concat([sdkHeader(), one.bytes]));
  await first.ack("BUFFERING", one.timecodeMs);
  const second = await open();
  await first.send(two.bytes);
  await first.ack("PERSISTED", one.timecodeMs);
  for (const { bytes } of rest.slice(0, 2)) await first.send(bytes);
  await first.send(endOfFragment);
  await first.ack("PERSISTED", rest[1]?.timecodeMs);
  first.end();
  await until("the first answer to end", () => first.hasEnded);
  expect(second.acks).toEqual([]);
  await second.send(Buffer.concat([sdkHeader(), ...rest.slice(2).map(({ bytes }) => bytes), endOfFragment]));
  await second.ack("PERSISTED", rest.at(-1)?.timecodeMs);
  second.end();
  await expectRead(fragments);
});

test("a producer whose call breaks sends from the first fragment that was not PERSISTED: each is there once", async () => {
  const first = await open();
  const [one, two, three] = fragmentsFrom(Date.now(), 3) as [SdkFragment, SdkFragment, SdkFragment];
  await first.send(Buffer.concat([sdkHeader(), one.bytes, two.bytes, three.bytes.subarray(0, 2000)]));
  await first.ack("PERSISTED", one.timecodeMs);
  first.destroy();
  const second = await open();
  await second.send(Buffer.concat([sdkHeader(), one.bytes, two.bytes, three.bytes, endOfFragment]));
  await second.ack("PERSISTED", three.timecodeMs);
  second.end();
  await expectRead([one, two, three]);
  expect(await clients.list(stream)).toHaveLength(3);
});

test("what GetMedia gives, a document for each fragment, can be put again as it is", async () => {
  const fragments = fragmentsFrom(Date.now(), 3);
  const producer = await open();
  await producer.send(Buffer.concat([sdkHeader(), ...fragments.map(({ bytes }) => bytes), endOfFragment]));
  await producer.ack("PERSISTED", fragments[2]?.timecodeMs);
  producer.end();
  const given = await bytesOf(stream, 3);
  expect(given.toString("latin1").split("matroska").length - 1).toBe(3);
  stream = `${stream}-again`;
  await clients.createStream(stream);
  const again = await open();
  await again.send(given);
  again.end();
  await again.ack("PERSISTED", fragments[2]?.timecodeMs);
  await expectRead(fragments);
});

test("a file of ffmpeg's, with sizes that are known and an index, and one without, come back frame for frame", async () => {
  const directory = await scope.directory("ffmpeg");
  const make = async (name: string, output: string): Promise<Buffer> => {
    const file = join(directory, name);
    const input = "-f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine".split(" ");
    const encoded = `-t 3 -c:v libx264 -preset ultrafast -g 25 -c:a aac ${output}`.split(" ");
    await run(scope, ["ffmpeg", "-loglevel", "error", ...input, ...encoded, file]);
    return await readFile(file);
  };
  // Clusters with a size and Cues behind them; before them; and neither.
  const documents = [
    await make("file.mkv", "-f matroska -cluster_time_limit 1000"),
    await make("front.mkv", "-f matroska -cues_to_front 1 -reserve_index_space 4096"),
    await make("live.mkv", "-f matroska -live 1"),
  ];
  const [cues, unknownSize] = [Buffer.from("1c53bb6b", "hex"), Buffer.from("01ffffffffffffff", "hex")];
  expect(documents.map((document) => document.includes(cues))).toEqual([true, true, false]);
  expect(documents.map((document) => document.includes(unknownSize))).toEqual([false, false, true]);
  const producer = await open();
  for (const document of documents) {
    for (let at = 0; at < document.length; at += 10_000) await producer.send(document.subarray(at, at + 10_000));
  }
  producer.end();
  await until("the answer to end", () => producer.hasEnded);
  const listed = await clients.list(stream);
  expect(producer.acks.filter(({ EventType }) => EventType === "PERSISTED")).toHaveLength(listed.length);
  const read = (await clients.read(stream, listed.length)).flatMap(({ frames }) => frames);
  const sent = documents.flatMap((document) =>
    [...new MatroskaReader().push(document)].flatMap((event) => (event.kind === "frame" ? [event.data] : [])),
  );
  expect(read.length).toBe(sent.length);
  expect(Buffer.concat(read).equals(Buffer.concat(sent))).toBe(true);
});

/** So many fragments of GetMedia, as they came over the wire. */
async function bytesOf(StreamName: string, count: number): Promise<Buffer> {
  const leave = new AbortController();
  const input = { StreamName, StartSelector: { StartSelectorType: "EARLIEST" } } as const;
  const { Payload } = await clients.media.send(new GetMediaCommand(input), { abortSignal: leave.signal });
  let bytes = Buffer.alloc(0);
  const reader = new MatroskaReader();
  let ends = 0;
  for await (const chunk of Payload as AsyncIterable<Uint8Array>) {
    bytes = Buffer.concat([bytes, chunk]);
    for (const event of reader.push(chunk)) {
      ends += Number(event.kind === "tag" && event.name === "AWS_KINESISVIDEO_CONTINUATION_TOKEN");
    }
    if (ends === count) break;
  }
  leave.abort();
  return bytes;
}
