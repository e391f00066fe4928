import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { TestFront } from "../testing/test-front.js";
import { nodeCall } from "./http2-call.js";
import type { NodeCall } from "./node-call.js";

let front: TestFront;
let session: ClientHttp2Session;

beforeEach(async () => {
  front = await TestFront.start();
  await front.it.createStream("s");
  session = connect(`http://127.0.0.1:${front.port}`);
});
afterEach(async () => {
  session.destroy();
  await front.close();
});

const bodyOf = (data: Buffer): Buffer =>
  Buffer.from(JSON.stringify({ StreamName: "s", PartitionKey: "k", Data: data.toString("base64") }));

/** Sends the headers of a PutRecord, with its length unless that is to be left out. */
async function begin(body: Buffer, { isAnnounced = true } = {}): Promise<ClientHttp2Stream> {
  const { headers } = await front.sign({ operation: "PutRecord", body });
  const { host, ...others } = headers;
  const length = isAnnounced ? { "content-length": body.length } : {};
  return session.request({ ":method": "POST", ":path": "/", ":authority": host, ...others, ...length });
}

async function answerOf(stream: ClientHttp2Stream): Promise<{ status: number; body: Record<string, unknown> }> {
  const status = new Promise<number>((resolve) =>
    stream.once("response", (headers) => resolve(headers[":status"] ?? 0)),
  );
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { status: await status, body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown> };
}

async function stored(): Promise<Buffer[]> {
  const iterator = await front.it.call("GetShardIterator", {
    StreamName: "s",
    ShardId: "shardId-000000000000",
    ShardIteratorType: "TRIM_HORIZON",
  });
  const { Records } = await front.it.call("GetRecords", { ShardIterator: iterator["ShardIterator"] });
  return (Records as { Data: Uint8Array }[]).map(({ Data }) => Buffer.from(Data));
}

/** Resolves once the server has begun to read the body, and has had all that was sent before. */
async function begun(body: Buffer): Promise<void> {
  await expect.poll(() => front.budget.used).toBe(body.length);
  await new Promise<void>((resolve) => void session.ping(() => resolve()));
}

test.each([
  ["with its headers", 1000, (stream: ClientHttp2Stream, body: Buffer) => void stream.end(body)],
  [
    "before an end in a frame of its own",
    1000,
    async (stream: ClientHttp2Stream, body: Buffer) => {
      stream.write(body);
      await once(stream, "response"); // it is whole by its length
      stream.end();
    },
  ],
  [
    "in two pieces, one long after the other",
    1000,
    async (stream: ClientHttp2Stream, body: Buffer) => {
      stream.write(body.subarray(0, 300));
      await begun(body);
      stream.end(body.subarray(300));
    },
  ],
  ["in many frames", 200_000, (stream: ClientHttp2Stream, body: Buffer) => void stream.end(body)],
])("a body that comes %s is stored as it was sent", async (_, bytes, send) => {
  const data = randomBytes(bytes);
  const body = bodyOf(data);
  const stream = await begin(body);
  const answer = answerOf(stream);
  await send(stream, body);
  expect(await answer).toMatchObject({ status: 200, body: { ShardId: "shardId-000000000000" } });
  expect(await stored()).toEqual([data]);
});

test("a body whose length nobody announced is stored as it was sent", async () => {
  const data = randomBytes(100_000);
  const body = bodyOf(data);
  const stream = await begin(body, { isAnnounced: false });
  const answer = answerOf(stream);
  stream.end(body);
  expect(await answer).toMatchObject({ status: 200 });
  expect(await stored()).toEqual([data]);
});

test("calls of one session that overlap get their own answers", async () => {
  const datas = Array.from({ length: 50 }, (_, i) => Buffer.from(`record ${i}`));
  const answers = await Promise.all(
    datas.map(async (data) => {
      const stream = await begin(bodyOf(data));
      const answer = answerOf(stream);
      stream.end(bodyOf(data));
      return answer;
    }),
  );
  const numbers = answers.map(({ body }) => String(body["SequenceNumber"]));
  expect(new Set(numbers).size).toBe(datas.length);
  const inOrder = datas.map((data, i) => ({ data, number: BigInt(numbers[i] ?? 0) }));
  inOrder.sort((a, b) => (a.number < b.number ? -1 : 1));
  expect(await stored()).toEqual(inOrder.map(({ data }) => data));
});

test("who resets a call before its body hurts no other call of the session, and stores nothing", async () => {
  const data = Buffer.from("of the next call");
  const unsent = bodyOf(Buffer.from("never sent"));
  const lost = await begin(unsent);
  lost.on("error", () => undefined);
  await begun(unsent);
  lost.close(constants.NGHTTP2_CANCEL);
  const stream = await begin(bodyOf(data));
  const answer = answerOf(stream);
  stream.end(bodyOf(data));
  expect(await answer).toMatchObject({ status: 200 });
  await expect.poll(() => front.counted('requests_total{operation="PutRecord",result="request-incomplete"}')).toBe(1);
  expect(await stored()).toEqual([data]);
  expect(front.budget.used).toBe(0);
});

test.each([
  ["with an error", constants.NGHTTP2_CANCEL],
  ["as if all were well", constants.NGHTTP2_NO_ERROR],
])("who resets a call %s, before it is answered, is known to be gone", async (_, code) => {
  const calls: NodeCall[] = [];
  const server = createServer(
    (request, response) => void calls.push(nodeCall(request as unknown as IncomingMessage, response as never)),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  const stream = client.request({ ":method": "POST", "content-length": 4 });
  stream.on("error", () => undefined).end("body");
  await expect.poll(() => calls.length).toBe(1);
  const [call] = calls;
  const { bytes } = (await call?.readBody({ bytesMax: 4, idleMs: 10_000, totalMs: 10_000 })) ?? {};
  expect(bytes?.whole().toString()).toBe("body");
  const gone = new Promise<void>((resolve) => call?.once("close", resolve));
  stream.close(code);
  await gone;
  expect(call?.isGone).toBe(true);
});

test("a signature of another body is refused, and the session goes on", async () => {
  const [signed, other] = [bodyOf(Buffer.from("signed")), bodyOf(Buffer.from("forged"))];
  const forged = await begin(signed);
  const refusal = answerOf(forged);
  forged.end(other);
  expect(await refusal).toMatchObject({ status: 400, body: { __type: "InvalidSignatureException" } });
  const stream = await begin(signed);
  const answer = answerOf(stream);
  stream.end(signed);
  expect(await answer).toMatchObject({ status: 200 });
  expect(await stored()).toEqual([Buffer.from("signed")]);
});
