import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { AwsUpstream, type AwsUpstreamOptions } from "./aws-upstream.js";
import { CallSlots } from "./call-slots.js";

const entry = { partitionKey: "k", data: Buffer.from("x") };
const name = { producer: "gateway-1", spoolId: "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d", request: 7 };
const never = new AbortController().signal;
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An endpoint that answers every request in the same way, and a client of it. */
async function upstreamThat(answer: Answer, given: Partial<AwsUpstreamOptions> = {}): Promise<AwsUpstream> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => answer(request, response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const upstream = new AwsUpstream({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: "us-east-1",
    credentials: () => Promise.resolve({ accessKeyId: "AKIA", secretAccessKey: "secret" }),
    slots: new CallSlots(1),
    requestTimeoutMs: 20_000,
    ...given,
  });
  closers.push(() => {
    upstream.close();
    server.closeAllConnections();
    server.close();
  });
  return upstream;
}

function answering(status: number, body: unknown): Answer {
  return (_, response) => {
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
}

const put = (upstream: AwsUpstream, signal = never) => upstream.putRecords("s", [entry], name, signal);

test("each request carries its producer's name, signed", async () => {
  let headers: IncomingMessage["headers"] = {};
  const upstream = await upstreamThat((request, response) => {
    ({ headers } = request);
    answering(200, { Records: [{ ShardId: "shard-0", SequenceNumber: "1" }] })(request, response);
  });
  expect(await put(upstream)).toMatchObject([{ shardId: "shard-0" }]);
  expect(headers["x-headwater-producer"]).toBe("gateway-1/3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d/7");
  expect(headers.authorization).toMatch(/SignedHeaders=[^,]*x-headwater-producer/);
});

test.each<[string, string, number, unknown]>([
  ["throttled", "throughput", 400, { __type: "ProvisionedThroughputExceededException", message: "m" }],
  ["throttled", "429 without a name", 429, "slow down"],
  ["not-found", "no such stream", 400, { __type: "ResourceNotFoundException", message: "m" }],
  ["refused", "a record that cannot be", 400, { __type: "ValidationException", message: "m" }],
  ["refused", "413 of a proxy", 413, "<html>"],
  ["forgotten", "a request that is too old", 400, { __type: "ProducerRequestForgottenException", message: "m" }],
  ["rejecting", "wrong credentials", 400, { __type: "UnrecognizedClientException", message: "m" }],
  ["rejecting", "no permission", 403, { __type: "AccessDeniedException", message: "m" }],
  ["rejecting", "not Kinesis at all", 404, "<html>not here</html>"],
  ["failing", "an internal failure", 500, { __type: "InternalFailure", message: "m" }],
  ["unreachable", "a proxy without its upstream", 502, "<html>"],
  ["unreachable", "200 and no JSON", 200, "<html>login</html>"],
  ["unreachable", "fewer results than entries", 200, { Records: [] }],
  ["unreachable", "a result that is none", 200, { Records: [{}] }],
])("%s: %s", async (kind, _, status, body) => {
  await expect(put(await upstreamThat(answering(status, body)))).rejects.toMatchObject({ name: "UpstreamError", kind });
});

test("unreachable: a connection that is refused or cut", async () => {
  const cut = await upstreamThat((request) => void request.socket.destroy());
  await expect(put(cut)).rejects.toMatchObject({ kind: "unreachable" });
  const refused = await upstreamThat(answering(200, {}), { endpoint: "http://127.0.0.1:1" });
  await expect(put(refused)).rejects.toMatchObject({ kind: "unreachable" });
});

test("no answer: unreachable after a while, and the next call has its slot", async () => {
  const upstream = await upstreamThat(() => undefined, { requestTimeoutMs: 50 });
  await expect(put(upstream)).rejects.toMatchObject({ kind: "unreachable", message: "no answer within 50 ms" });
  await expect(put(upstream)).rejects.toMatchObject({ kind: "unreachable" });
});

test("a stop ends a call at once: without an answer, without credentials, and one that waits for its turn", async () => {
  const stop = new AbortController();
  const reason = new Error("the gateway stops");
  const silent = await upstreamThat(() => stop.abort(reason));
  const [first, waiting] = [put(silent, stop.signal), put(silent, stop.signal)];
  await expect(first).rejects.toBe(reason);
  await expect(waiting).rejects.toBe(reason);

  const asked = new AbortController();
  const credentials = (): Promise<never> => {
    asked.abort(reason);
    return new Promise(() => undefined);
  };
  await expect(put(await upstreamThat(() => undefined, { credentials }), asked.signal)).rejects.toBe(reason);
});

const end = (2n ** 128n - 1n).toString();

function shard(ShardId: string, StartingHashKey: string, EndingHashKey: string, isClosed = false) {
  return {
    ShardId,
    HashKeyRange: { StartingHashKey, EndingHashKey },
    SequenceNumberRange: { StartingSequenceNumber: "1", ...(isClosed ? { EndingSequenceNumber: "2" } : {}) },
  };
}

test("only open shards, by hash key, of all pages; a listing with a hole is tried again later", async () => {
  const pages = [
    { Shards: [shard("a", "0", end, true), shard("c", "100", end)], NextToken: "more" },
    { Shards: [shard("b", "0", "99")] },
  ];
  const upstream = await upstreamThat((request, response) => answering(200, pages.shift())(request, response));
  expect((await upstream.listShards("s", never)).map(({ shardId }) => shardId)).toEqual(["b", "c"]);
  const hole = await upstreamThat(answering(200, { Shards: [shard("c", "100", end)] }));
  await expect(hole.listShards("s", never)).rejects.toMatchObject({ kind: "throttled" });
});
