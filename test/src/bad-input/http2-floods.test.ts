import type { KinesisClient } from "@aws-sdk/client-kinesis";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { countedBy } from "../harness/counted.js";
import { registerConsumer } from "../harness/fan-out.js";
import { frame, headerBlock, headersFrame, openHttp2, resetFrame } from "../harness/http2-frames.js";
import { Bystander, createStream, kinesisClient } from "../harness/kinesis.js";
import { residentBytesPeak } from "../harness/memory.js";
import { sumOf } from "../harness/metrics.js";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { callJson, signedHeaders } from "../harness/signed-request.js";
import { until } from "../harness/until.js";

const MEBIBYTE = 1024 * 1024;
/** Over what the cloud holds when it serves one client. */
const MEMORY_MAX = 150 * MEBIBYTE;

const scope = new Scope();
let cloud: Part;
let client: KinesisClient;
let bystander: Bystander;
let peakBefore: number;

beforeAll(async () => {
  cloud = await startCloud(scope);
  client = kinesisClient(scope, cloud.url);
  await createStream(client, "beside", 4);
  bystander = new Bystander(client, "beside");
  await bystander.progresses();
  peakBefore = residentBytesPeak(cloud.pid);
});
afterAll(() => scope.close());

const request = {
  ":method": "POST",
  ":scheme": "http",
  ":path": "/",
  ":authority": "127.0.0.1",
  "content-type": "application/x-amz-json-1.1",
  "x-amz-target": "Kinesis_20131202.PutRecord",
};

/** Streams that a client opens have odd numbers. */
function streams(count: number, framesOf: (stream: number) => readonly Buffer[]): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => framesOf(2 * i + 1)).flat());
}

function times(count: number, one: Buffer): Buffer {
  return Buffer.concat(Array<Buffer>(count).fill(one));
}

/** What the cloud does not take any more, or all of it. */
async function arrived(socket: Socket): Promise<void> {
  await until("the flood to arrive, or to be cut off", () => socket.destroyed || socket.writableLength === 0);
}

/** Has its answers wait where nobody reads them. */
async function withoutReading(port: number, flood: Buffer): Promise<Socket> {
  const socket = await openHttp2(port);
  socket.pause();
  socket.write(flood);
  await arrived(socket);
  return socket;
}

async function isCut(port: number, flood: Buffer): Promise<void> {
  const socket = await openHttp2(port);
  socket.write(flood);
  await until("the connection to be cut", () => socket.closed);
}

const floods: Record<string, (port: number) => Promise<Socket | void>> = {
  "SETTINGS whose acknowledgements nobody reads": (port) => withoutReading(port, times(100_000, frame("settings", 0))),
  "PING whose answers nobody reads": (port) => withoutReading(port, times(100_000, frame("ping", 0, Buffer.alloc(8)))),
  "headers that never end": (port) => {
    const more = frame("continuation", 1, headerBlock({ "x-more": "a".repeat(4000) }));
    return isCut(port, Buffer.concat([frame("headers", 1, headerBlock(request)), times(2000, more)]));
  },
  "10,000 streams at once": (port) =>
    isCut(
      port,
      streams(10_000, (stream) => [headersFrame(stream, request)]),
    ),
  "a body of nothing, again and again": (port) =>
    isCut(port, Buffer.concat([headersFrame(1, request), times(200_000, frame("data", 1))])),
  "WINDOW_UPDATE by the byte": async (port) => {
    const socket = await openHttp2(port);
    socket.write(times(200_000, frame("windowUpdate", 0, Buffer.of(0, 0, 0, 1))));
    await arrived(socket);
    return socket;
  },
};

test.each(Object.entries(floods))("%s", async (_, flood) => {
  const socket = await flood(cloud.port("http"));
  await bystander.progresses();
  expect(cloud.child.exit).toBeUndefined();
  socket?.destroy();
});

test("streams that are reset as soon as they are opened are counted, and most of them never begin", async () => {
  const socket = await openHttp2(cloud.port("http"));
  const rise = await countedBy(cloud, /^headwater_cloud_connections_refused_total\{cause="gone-at-once"/, async () => {
    socket.write(streams(5000, (stream) => [headersFrame(stream, request), resetFrame(stream)]));
    await bystander.progresses();
  });
  expect(rise).toBeGreaterThan(64);
  socket.destroy();
});

test("300 clients that send their headers a byte at a time", async () => {
  const sockets = Array.from({ length: 300 }, () => connect(cloud.port("http"), "127.0.0.1"));
  for (const socket of sockets) {
    socket.on("error", () => undefined);
    socket.write("POST / HTTP/1.1\r\nhost: h\r\nx-slow: ");
  }
  for (let byte = 0; byte < 5; byte++) {
    for (const socket of sockets) socket.write("a");
    await bystander.progresses();
  }
  expect(sockets.filter(({ closed }) => closed)).toEqual([]);
  for (const socket of sockets) socket.destroy();
});

test("100 subscribers that never open their windows hold no more than they were sent", async () => {
  await createStream(client, "pushed", 5);
  const arns = await Promise.all(Array.from({ length: 20 }, (_, i) => registerConsumer(client, "pushed", `c${i}`)));
  const socket = await openHttp2(cloud.port("http"), 0);
  const open = async (): Promise<number> => sumOf(await cloud.metrics(), /^headwater_cloud_fan_out_subscriptions(?!_)/);
  const subscriptions = arns.flatMap((ConsumerARN) => [0, 1, 2, 3, 4].map((shard) => ({ ConsumerARN, shard })));
  for (const [i, { ConsumerARN, shard }] of subscriptions.entries()) {
    const input = { ConsumerARN, ShardId: `shardId-${shard}`, StartingPosition: { Type: "LATEST" } };
    const body = Buffer.from(JSON.stringify(input));
    const { host = "", ...headers } = await signedHeaders(cloud.url, { operation: "SubscribeToShard", body });
    const stream = 2 * i + 1;
    const end = 1;
    socket.write(headersFrame(stream, { ...request, ":authority": host, ...headers }));
    socket.write(frame("data", stream, body, end));
  }
  await until("all of them to be subscribed", async () => (await open()) === 100);
  const Records = Array.from({ length: 5 }, (_, shard) => ({
    PartitionKey: "k",
    ExplicitHashKey: String((2n ** 128n * BigInt(2 * shard + 1)) / 10n),
    Data: Buffer.alloc(900_000).toString("base64"),
  }));
  const { body } = await callJson(cloud.url, "PutRecords", { StreamName: "pushed", Records });
  expect(body).toMatchObject({ FailedRecordCount: 0 });
  await bystander.progresses();
  socket.destroy();
  await until("the subscriptions to end", async () => (await open()) === 0);
});

test("the bystander saw no error through all of this, and memory stayed bounded", async () => {
  await bystander.progresses();
  expect(await bystander.finish()).toBeGreaterThan(0);
  expect(residentBytesPeak(cloud.pid) - peakBefore).toBeLessThan(MEMORY_MAX);
});
