import { connect } from "node:net";
import { EventEmitter, once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cluster, fragment, header } from "../testing/producer-document.js";
import { names } from "../testing/read-chunks.js";
import { type TestAck, TestVideo } from "../testing/test-video.js";

let it: TestVideo;

beforeEach(async () => {
  it = await TestVideo.start();
  await it.createStream("s");
});
afterEach(() => it.close());

const said = (acks: readonly TestAck[]): string[] =>
  acks.map(({ EventType, FragmentTimecode, ErrorCode }) =>
    [
      EventType,
      ...(FragmentTimecode === undefined ? [] : [FragmentTimecode]),
      ...((ErrorCode ?? "") ? [ErrorCode] : []),
    ].join(" "),
  );

/** The first pictures of the stream's fragments, from the oldest on. */
async function stored(count: number, stream = "s"): Promise<string[]> {
  const reader = await it.getMedia(stream, { StartSelectorType: "EARLIEST" });
  return (await reader.chunks(count)).map((chunk) => names(chunk)[0] ?? "");
}

/** The number under which fragment 2000 was persisted. */
const numberOf = (acks: readonly TestAck[]): string | undefined =>
  acks.find(({ EventType, FragmentTimecode }) => EventType === "PERSISTED" && FragmentTimecode === 2000)
    ?.FragmentNumber;

/** Asks on a socket of its own; answers all up to the end of the answer's head. */
async function ask(stream: string): Promise<string> {
  const socket = connect(it.port, "127.0.0.1");
  socket.write(
    `POST /putMedia HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n` +
      `x-amzn-stream-name: ${stream}\r\nx-amzn-fragment-timecode-type: ABSOLUTE\r\n\r\n`,
  );
  let text = "";
  while (!text.includes("x-amzn-requestid")) text += String((await once(socket, "data"))[0]);
  socket.destroy();
  return text;
}

test("a fragment is acknowledged in three steps with one number, and numbers rise", async () => {
  const acks = await it.put("s", header(), fragment(1000), fragment(2000));
  expect(said(acks.filter(({ FragmentTimecode }) => FragmentTimecode === 1000))).toEqual([
    "BUFFERING 1000",
    "RECEIVED 1000",
    "PERSISTED 1000",
  ]);
  const [first, second] = [1000, 2000].map(
    (time) => new Set(acks.flatMap((ack) => (ack.FragmentTimecode === time ? [ack.FragmentNumber ?? ""] : []))),
  );
  expect([first?.size, second?.size]).toEqual([1, 1]);
  const [[one = ""], [two = ""]] = [[...(first ?? [])], [...(second ?? [])]];
  expect([one.length, two.length, two > one]).toEqual([47, 47, true]);
});

test("the end-of-fragment tag brings the acknowledgement while the body is still open", async () => {
  const call = await it.putMedia("s");
  call.outgoing.write(Buffer.concat([header(), fragment(1000, { ends: true })]));
  await call.ack("PERSISTED", 1000);
  call.outgoing.write(fragment(2000, { ends: true }));
  await call.ack("PERSISTED", 2000);
  call.outgoing.end();
  await call.ended;
  expect(await stored(2)).toEqual(["1000/0", "2000/0"]);
});

test("PERSISTED waits for the disk, and a fragment is not seen before", async () => {
  const call = await it.putMedia("s");
  call.outgoing.write(Buffer.concat([header(), fragment(1000)]));
  await call.ack("BUFFERING", 1000);
  const sync = new EventEmitter();
  it.log.delay = once(sync, "done").then(() => undefined);
  call.outgoing.write(fragment(2000));
  const reader = await it.getMedia("s", { StartSelectorType: "EARLIEST" });
  // Other requests are answered, and nothing is acknowledged or shown in the meantime.
  await it.call("describeStream", { StreamName: "s" });
  expect(said(call.acks)).toEqual(["BUFFERING 1000"]);
  expect(await it.counted('bytes_total{direction="out"}')).toBe(0);
  it.log.delay = undefined;
  sync.emit("done");
  await call.ack("PERSISTED", 1000);
  expect(await reader.chunks(1)).toHaveLength(1);
});

test("relative timecodes count from the start; acknowledgements say them as they were sent", async () => {
  const call = await it.putMedia("s", {
    "x-amzn-fragment-timecode-type": "RELATIVE",
    "x-amzn-producer-start-timestamp": "1700000000.250",
  });
  call.outgoing.end(Buffer.concat([header(), fragment(0), fragment(2000)]));
  await call.ended;
  expect(call.acks.flatMap((ack) => (ack.EventType === "PERSISTED" ? [ack.FragmentTimecode] : []))).toEqual([0, 2000]);
  const chunks = await (await it.getMedia("s", { StartSelectorType: "EARLIEST" })).chunks(2);
  expect(chunks.map(({ timecodeMs }) => timecodeMs)).toEqual([1_700_000_000_250, 1_700_000_002_250]);
});

test("the C producer's milliseconds have no leading zeros", async () => {
  const call = await it.putMedia("s", {
    "x-amzn-fragment-timecode-type": "RELATIVE",
    "x-amzn-producer-start-timestamp": "1700000000.51",
    "user-agent": "kvssink/1.0 AWS-SDK-KVS/3.5.0 GCC/12",
  });
  call.outgoing.end(Buffer.concat([header(), fragment(0)]));
  await call.ended;
  const [chunk] = await (await it.getMedia("s", { StartSelectorType: "EARLIEST" })).chunks(1);
  expect(chunk?.timecodeMs).toBe(1_700_000_000_051);
});

test("what is sent again, with the same bytes, keeps its number and is stored once; other bytes are another fragment", async () => {
  const before = await it.put("s", header(), fragment(1000), fragment(2000));
  const again = await it.put("s", header(), fragment(2000));
  const other = await it.put("s", header(), fragment(2000, { name: "other" }));
  expect(numberOf(again)).toBe(numberOf(before));
  expect(numberOf(other)).not.toBe(numberOf(before));
  expect(numberOf(await it.put("s", header(), fragment(2000)))).toBe(numberOf(before));
  expect(await stored(3)).toEqual(["1000/0", "2000/0", "other/0"]);
  expect(await it.counted('fragments_total{result="repeated"}')).toBe(2);
});

test("what was sent live, and goes again by backfill, is the same fragment, and stays live", async () => {
  const before = await it.put("s", header(), fragment(2000));
  const again = await it.putMedia("s", { "x-headwater-lane": "backfill" });
  const tags = [{ name: "HEADWATER_LANE", value: "backfill" }];
  again.outgoing.end(Buffer.concat([header(), fragment(2000), cluster(3000, [], tags)]));
  await again.ended;
  expect(numberOf(again.acks)).toBe(numberOf(before));
  expect(it.service.stream("s").store.newestLive(0)?.producerMs).toBe(2000);
});

test("a second connection may begin before the first ends, as when a token rotates", async () => {
  const first = await it.putMedia("s");
  first.outgoing.write(Buffer.concat([header(), fragment(1000)]));
  await first.ack("BUFFERING", 1000);
  const second = await it.putMedia("s");
  first.outgoing.write(fragment(2000, { ends: true }));
  await first.ack("PERSISTED", 2000);
  second.outgoing.write(Buffer.concat([header(), fragment(3000)]));
  await second.ack("BUFFERING", 3000);
  first.outgoing.end();
  second.outgoing.end();
  await Promise.all([first.ended, second.ended]);
  expect(await stored(3)).toEqual(["1000/0", "2000/0", "3000/0"]);
});

test("fragments of two connections at the same time stay apart", async () => {
  const calls = [await it.putMedia("s"), await it.putMedia("s")];
  for (const [i, { outgoing }] of calls.entries())
    outgoing.write(Buffer.concat([header(), fragment(1000, { name: `c${i}` })]));
  for (const call of calls) await call.ack("BUFFERING", 1000);
  for (const { outgoing } of calls) outgoing.write(cluster(1900, [{ at: 0, data: "tail" }]));
  for (const call of calls) {
    call.outgoing.end();
    await call.ended;
  }
  const reader = await it.getMedia("s", { StartSelectorType: "EARLIEST" });
  const frames = [0, 200, 400, 600, 800];
  expect((await reader.chunks(2)).map(names)).toEqual(
    [0, 1].map((i) => [...frames.map((at) => `c${i}/${at}`), "tail"]),
  );
});

test("a sixth connection is refused while five are in use", async () => {
  for (let i = 0; i < 5; i++) await it.putMedia("s");
  const refused = await it.putMedia("s");
  expect(refused.answer.statusCode).toBe(400);
  expect(refused.answer.headers["x-amzn-errortype"]).toBe("ConnectionLimitExceededException");
});

test("a broken connection leaves nothing of its last fragment, and the one before it whole", async () => {
  const call = await it.putMedia("s");
  call.outgoing.write(Buffer.concat([header(), fragment(1000), fragment(2000)]));
  await call.ack("PERSISTED", 1000);
  call.outgoing.destroy();
  await it.put("s", header(), fragment(3000));
  expect(await stored(2)).toEqual(["1000/0", "3000/0"]);
  expect(await it.counted('fragments_total{result="incomplete"}')).toBe(1);
});

test.each<[string, Buffer[], string]>([
  ["is no Matroska", [Buffer.from("GET / HTTP/1.1\r\n\r\n")], "INVALID_MKV_DATA"],
  ["ends inside a frame", [header(), fragment(1000).subarray(0, -3)], "STREAM_READ_ERROR"],
  ["goes back in time", [header(), fragment(2000), fragment(1000)], "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS"],
  ["has a frame of no track", [header(), cluster(0, [{ at: 0, data: "x", track: 7 }])], "TRACK_NUMBER_MISMATCH"],
])("a body that %s ends in an error with its code, and its connection is closed", async (_, body, code) => {
  const call = await it.putMedia("s");
  call.outgoing.on("error", () => undefined);
  call.outgoing.end(Buffer.concat(body));
  expect((await call.ack("ERROR")).ErrorCode).toBe(code);
  await call.ended;
  // Nobody else notices.
  expect(said(await it.put("s", header(), fragment(9000)))).toContain("PERSISTED 9000");
});

test("an error is heard while the producer goes on sending, and its connection does not stay open", async () => {
  const call = await it.putMedia("s");
  const closed = once(call.outgoing, "close");
  call.outgoing.on("error", () => undefined);
  call.outgoing.write("garbage");
  expect(await call.ack("ERROR")).toMatchObject({ ErrorId: 4006, ErrorCode: "INVALID_MKV_DATA" });
  call.outgoing.write("more");
  await closed;
});

test("a full disk is an error that says so; once there is room the same fragment is taken", async () => {
  const call = await it.putMedia("s");
  call.outgoing.on("error", () => undefined);
  call.outgoing.write(Buffer.concat([header(), fragment(1000), fragment(2000)]));
  await call.ack("PERSISTED", 1000);
  it.log.failure = "disk-full";
  call.outgoing.write(fragment(3000));
  expect(await call.ack("ERROR")).toMatchObject({ ErrorId: 5001, FragmentTimecode: 2000 });
  expect(await stored(1)).toEqual(["1000/0"]);
  it.log.failure = undefined;
  expect(said(await it.put("s", header(), fragment(2000)))).toContain("PERSISTED 2000");
  expect(await stored(2)).toEqual(["1000/0", "2000/0"]);
});

test("while the disk is slow, a producer is read from no further than four megabytes", async () => {
  it.log.delay = new Promise(() => undefined);
  const call = await it.putMedia("s");
  call.outgoing.on("error", () => undefined);
  call.outgoing.write(header());
  for (let i = 0; i < 64; i++) call.outgoing.write(fragment(i * 1000, { bytes: 200_000 }));
  // Each of these requests gives the producer's bytes a turn.
  const received = async (): Promise<number> => {
    await it.call("describeStream", { StreamName: "s" });
    return it.counted('bytes_total{direction="in"}');
  };
  let before = -1;
  for (let now = await received(); now !== before || now < 4 << 20; now = await received()) before = now;
  expect(before).toBeLessThan(8 << 20);
});

test("deleting the stream tells its producers", async () => {
  const arn = await it.createStream("d");
  const call = await it.putMedia("d");
  call.outgoing.on("error", () => undefined);
  call.outgoing.write(Buffer.concat([header(), fragment(1000)]));
  await call.ack("BUFFERING", 1000);
  await it.call("deleteStream", { StreamARN: arn });
  expect(await call.ack("ERROR")).toMatchObject({ ErrorId: 4507 });
});

test("a producer that wants no acknowledgements gets none", async () => {
  const call = await it.putMedia("s", { "x-amzn-fragment-acknowledgment-required": "0" });
  call.outgoing.end(Buffer.concat([header(), fragment(1000)]));
  await call.ended;
  expect(call.acks).toEqual([]);
  expect(await stored(1)).toEqual(["1000/0"]);
});

test.each([
  [{ "x-amzn-fragment-timecode-type": "SOMETIME" }, 400, "InvalidArgumentException"],
  [{ "x-amzn-stream-name": "no name" }, 400, "InvalidArgumentException"],
  [{ "x-amzn-producer-start-timestamp": "yesterday" }, 400, "InvalidArgumentException"],
  [{ "x-amzn-stream-arn": "arn:aws:kinesisvideo:us-east-1:000000000000:stream/s/1" }, 400, "InvalidArgumentException"],
  [{ "x-amzn-stream-name": "nowhere" }, 404, "ResourceNotFoundException"],
])("headers %j are refused before the body", async (headers, status, type) => {
  const { answer } = await it.putMedia("s", headers);
  expect([answer.statusCode, answer.headers["x-amzn-errortype"]]).toEqual([status, type]);
});

test("a client that waits for `100 Continue` gets it once its headers are good, and the answer with it", async () => {
  expect(await ask("s")).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/);
  expect(await ask("nowhere")).toMatch(/^HTTP\/1.1 404 /);
});
