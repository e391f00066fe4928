import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { AwsVideoUpstream } from "./aws-video-upstream.js";
import { VIDEO_TRACK } from "./testing/camera.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A Kinesis Video without streams that notes what it is asked. */
async function serve(): Promise<{ url: string; calls: string[]; fail: () => void }> {
  const calls: string[] = [];
  let hasStream = false;
  let isFailing = false;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    calls.push(`${request.url} ${Buffer.concat(chunks).toString()}`);
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
  return { url, calls, fail: () => (isFailing = true) };
}

const credentials = () => Promise.resolve({ accessKeyId: "AKID", secretAccessKey: "secret" });

function upstreamAt(endpoint: string, createStreams: boolean): AwsVideoUpstream {
  return new AwsVideoUpstream({ endpoint, region: "us-east-1", credentials, createStreams });
}

async function put(upstream: AwsVideoUpstream): Promise<void> {
  const body = (async function* () {
    yield await Promise.resolve(Buffer.from("media"));
  })();
  const acks = upstream.putMedia("door", [VIDEO_TRACK], body, new AbortController().signal);
  while (!(await acks.next()).done);
}

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
