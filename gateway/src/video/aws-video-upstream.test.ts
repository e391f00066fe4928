import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { AwsVideoUpstream } from "./aws-video-upstream.js";
import { VIDEO_TRACK } from "./testing/camera.js";
import type { VideoLane } from "./video-upstream.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A Kinesis Video without streams that notes what it is asked. */
async function serve(): Promise<{ url: string; calls: string[]; fail: () => void; last: () => IncomingHttpHeaders }> {
  const calls: string[] = [];
  let hasStream = false;
  let isFailing = false;
  let headers: IncomingHttpHeaders = {};
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    calls.push(`${request.url} ${Buffer.concat(chunks).toString()}`);
    headers = request.headers;
    if (request.url === "/putMedia") {
      if (isFailing) response.writeHead(503);
      response.end();
    } else if (request.url === "/createStream") {
      hasStream = true;
      response.end("{}");
    } else if (hasStream) response.end(JSON.stringify({ DataEndpoint: url }));
    else {
      response.writeHead(404, { "x-amzn-ErrorType": "ResourceNotFoundException" });
      response.end("{}");
    }
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url, calls, fail: () => (isFailing = true), last: () => headers };
}

const credentials = () => Promise.resolve({ accessKeyId: "AKID", secretAccessKey: "secret" });

function upstreamAt(endpoint: string, createStreams: boolean): AwsVideoUpstream {
  return new AwsVideoUpstream({ endpoint, region: "us-east-1", credentials, createStreams });
}

async function put(upstream: AwsVideoUpstream, lane: VideoLane = "live"): Promise<void> {
  const body = (async function* () {
    yield await Promise.resolve(Buffer.from("media"));
  })();
  const acks = upstream.putMedia({ stream: "door", lane, tracks: [VIDEO_TRACK] }, body, new AbortController().signal);
  while (!(await acks.next()).done);
}

test("a call of the backfill lane says so, signed; another says nothing", async () => {
  const server = await serve();
  const upstream = upstreamAt(server.url, true);
  await put(upstream, "backfill");
  expect(server.last()).toMatchObject({
    "x-headwater-lane": "backfill",
    authorization: expect.stringMatching(/SignedHeaders=[^,]*x-headwater-lane/) as unknown,
  });
  await put(upstream);
  expect(server.last()["x-headwater-lane"]).toBeUndefined();
});

const CREATE = '/createStream {"StreamName":"door","DataRetentionInHours":24,"MediaType":"video/h264"}';
const FIND = '/getDataEndpoint {"StreamName":"door","APIName":"PUT_MEDIA"}';

test("a stream that does not exist is made, with its tracks' types, where the gateway may; its endpoint is asked once", async () => {
  const { url, calls } = await serve();
  const upstream = upstreamAt(url, true);
  await put(upstream);
  await put(upstream);
  expect(calls).toEqual([FIND, CREATE, FIND, "/putMedia media", "/putMedia media"]);
});

test("else it is refused", async () => {
  const { url, calls } = await serve();
  await expect(put(upstreamAt(url, false))).rejects.toMatchObject({ type: "ResourceNotFoundException" });
  expect(calls).toEqual([FIND]);
});

test("an endpoint that fails is asked for anew", async () => {
  const { url, calls, fail } = await serve();
  const upstream = upstreamAt(url, true);
  await put(upstream);
  fail();
  await expect(put(upstream)).rejects.toMatchObject({ code: "refused", status: 503 });
  calls.length = 0;
  await expect(put(upstream)).rejects.toMatchObject({ status: 503 });
  expect(calls).toEqual([FIND, "/putMedia media"]);
});
