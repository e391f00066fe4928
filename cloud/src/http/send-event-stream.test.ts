import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { encodeCbor } from "../codec/cbor.js";
import type { AnswerEvent, EventStreamAnswer } from "../codec/event-stream-answer.js";
import { type BulkAnswer, codecFor } from "../codec/wire-codec.js";
import { CloudError } from "../cloud-error.js";
import { CBOR_TYPE, JSON_TYPE, TestFront } from "../testing/test-front.js";
import { Subscriber } from "../testing/subscriber.js";
import { sendEventStream } from "./send-event-stream.js";

const EVENT_STREAM = "application/vnd.amazon.eventstream";

describe.each([
  ["HTTP/1.1", (...args: Parameters<typeof Subscriber.http1>) => Subscriber.http1(...args)],
  ["HTTP/2", (...args: Parameters<typeof Subscriber.http1>) => Subscriber.http2(...args)],
])("over %s, a subscription", (_, open) => {
  let front: TestFront;
  let input: object;

  beforeEach(async () => {
    front = await TestFront.start();
    await front.it.createStream("s");
    const { Consumer } = await front.it.call("RegisterStreamConsumer", {
      StreamARN: "arn:aws:kinesis:us-east-1:000000000000:stream/s",
      ConsumerName: "c",
    });
    const { ConsumerARN } = Consumer as { ConsumerARN: string };
    input = { ConsumerARN, ShardId: "shardId-000000000000", StartingPosition: { Type: "LATEST" } };
  });
  afterEach(() => front.close());

  const subscribe = (given: object = input): Promise<Subscriber> =>
    open(front, { operation: "SubscribeToShard", body: JSON.stringify(given) });

  const isOver = (): Promise<void> => vi.waitFor(() => expect(front.it.context.fanOut.open).toBe(0), { interval: 1 });

  test("begins with an initial response, and goes on with each record that is put", async () => {
    const subscriber = await subscribe();
    expect(subscriber).toMatchObject({ status: 200, headers: { "content-type": EVENT_STREAM } });
    expect(subscriber.headers["x-amzn-requestid"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(await subscriber.next()).toEqual({ kind: "event", type: "initial-response", body: {} });
    for (const text of ["one", "two"]) {
      const SequenceNumber = await front.it.put("s", text);
      const ApproximateArrivalTimestamp = front.it.clock.now() / 1000;
      const Data = Buffer.from(text).toString("base64");
      expect(await subscriber.next()).toMatchObject({
        kind: "event",
        type: "SubscribeToShardEvent",
        body: {
          Records: [{ SequenceNumber, ApproximateArrivalTimestamp, Data, PartitionKey: "k" }],
          MillisBehindLatest: 0,
        },
      });
    }
    expect(await front.counted('requests_total{operation="SubscribeToShard",result="ok"}')).toBe(1);
    expect(await front.counted("fan_out_records_total")).toBe(2);
    expect(await front.counted("fan_out_record_bytes_total")).toBe(6);
    expect(await front.counted('records_total{direction="out"}')).toBe(2);
  });

  test("that was asked for in CBOR is answered in CBOR", async () => {
    const body = Buffer.from(encodeCbor(input as Record<string, string>));
    const subscriber = await open(front, { operation: "SubscribeToShard", body, contentType: CBOR_TYPE });
    expect(await subscriber.next()).toEqual({ kind: "event", type: "initial-response", body: {} });
    // Another is sent the same, in JSON.
    const StreamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    const { Consumer } = await front.it.call("RegisterStreamConsumer", { StreamARN, ConsumerName: "other" });
    const inJson = await subscribe({ ...input, ...(Consumer as { ConsumerARN: string }) });
    await inJson.next();
    await front.it.put("s", "one");
    expect(await inJson.next()).toMatchObject({ body: { Records: [{ Data: "b25l" }] } });
    const Data = new Uint8Array(Buffer.from("one"));
    expect(await subscriber.next()).toMatchObject({
      body: { Records: [{ Data, ApproximateArrivalTimestamp: new Date(front.it.clock.now()) }] },
    });
  });

  test("ends with an exception where its consumer goes", async () => {
    const subscriber = await subscribe();
    await subscriber.next();
    await front.it.call("DeregisterStreamConsumer", input);
    expect(await subscriber.next()).toMatchObject({ kind: "exception", type: "ResourceNotFoundException" });
    expect(await subscriber.next()).toBeUndefined();
  });

  test("ends whole when the cloud stops", async () => {
    const subscriber = await subscribe();
    await subscriber.next();
    front.it.context.fanOut.stop();
    expect(await subscriber.next()).toBeUndefined();
  });

  test.each(["leave", "hangUp"] as const)("ends when its client does %s, and leaves nothing behind", async (how) => {
    const subscriber = await subscribe();
    await subscriber.next();
    subscriber.answer.on("error", () => undefined);
    subscriber[how]();
    await isOver();
    expect(front.it.counted.ends).toEqual(["left"]);
    expect(front.it.log.waiting).toBe(0);
  });

  test("reads no more of the log than its client takes", async () => {
    const count = 60;
    for (let i = 0; i < count; i++) await front.it.put("s", "x".repeat(600_000));
    const subscriber = await subscribe({ ...input, StartingPosition: { Type: "TRIM_HORIZON" } });
    await subscriber.next();
    // What the system and HTTP hold for a reader that does not read is far less than these 36 MB.
    await vi.waitFor(async () => expect(await front.counted("fan_out_records_total")).toBeGreaterThan(0));
    let pushed = 0;
    await vi.waitFor(
      async () => {
        const before = pushed;
        pushed = await front.counted("fan_out_records_total");
        expect(pushed).toBe(before);
      },
      { interval: 100 },
    );
    expect(pushed).toBeLessThan(count / 2);
    for (let i = 0; i < count; i++) expect((await subscriber.next())?.body["Records"]).toHaveLength(1);
    subscriber.leave();
    await isOver();
  });

  test("that is refused gets AWS's error, as any other request", async () => {
    const sent = { operation: "SubscribeToShard", body: JSON.stringify({ ...input, ShardId: "shardId-000000000007" }) };
    expect(await front.send(sent)).toMatchObject({
      status: 400,
      headers: { "content-type": JSON_TYPE },
      body: { __type: "ResourceNotFoundException" },
    });
  });
});

describe("an answer of events", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  test.each([
    [new CloudError("consumer-busy", "taken"), "ResourceInUseException", "taken"],
    [new CloudError("disk-failed", "EIO"), "InternalFailureException", "Internal service failure."],
    [new TypeError("a bug"), "InternalFailureException", "Internal service failure."],
  ])("that fails with %s ends with %s", async (error, type, message) => {
    const reported: unknown[] = [];
    const { bytes, sent } = send(failing(error), (one) => reported.push(one));
    await sent;
    expect(reported).toHaveLength(1);
    const text = Buffer.concat(bytes).toString("latin1");
    expect(text).toContain(`:exception-type\x07\x00${String.fromCharCode(type.length)}${type}`);
    expect(text).toContain(JSON.stringify({ message }));
  });

  test("that nobody takes is cut after a minute", async () => {
    const abandoned: string[] = [];
    const over = new AbortController();
    const abandon = (cause: string): void => {
      abandoned.push(cause);
      over.abort();
    };
    const { response, sent } = send({ ...endless(over.signal), abandon }, undefined, true);
    await vi.advanceTimersByTimeAsync(59_999);
    expect([abandoned, response.destroyed]).toEqual([[], false]);
    await vi.advanceTimersByTimeAsync(1);
    expect([abandoned[0], response.destroyed]).toEqual(["stalled", true]);
    await sent;
  });

  test("that is over while nobody takes it is cut after 10 s", async () => {
    const over = new AbortController();
    const { response, sent } = send(endless(over.signal), undefined, true);
    await vi.advanceTimersByTimeAsync(1);
    over.abort();
    await vi.advanceTimersByTimeAsync(9999);
    expect(response.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(response.destroyed).toBe(true);
    await sent;
  });

  test("whose client has gone before it began is abandoned", async () => {
    const abandoned: string[] = [];
    const response = responseOf(() => undefined);
    response.destroy();
    await sendTo(response, { ...failing(undefined), abandon: (cause) => abandoned.push(cause) });
    expect(abandoned[0]).toBe("left");
  });
});

/** An answer whose client takes everything, or nothing. */
function send(
  answer: EventStreamAnswer,
  report: (error: CloudError) => void = () => undefined,
  stalls = false,
): { response: ServerResponse; bytes: Buffer[]; sent: Promise<void> } {
  const bytes: Buffer[] = [];
  const response = responseOf((chunk, done) => {
    bytes.push(chunk);
    if (!stalls) done();
  });
  return { response, bytes, sent: sendTo(response, answer, report) };
}

function sendTo(
  response: ServerResponse,
  answer: EventStreamAnswer,
  report: (error: CloudError) => void = () => undefined,
): Promise<void> {
  const codec = codecFor(JSON_TYPE);
  if (codec === undefined) throw new Error("no codec");
  return sendEventStream({ request: response.req, response, codec, answer, headers: {}, report });
}

function responseOf(write: (chunk: Buffer, done: () => void) => void): ServerResponse {
  const request = new IncomingMessage(new Socket());
  request.httpVersionMajor = 1;
  request.httpVersionMinor = 1;
  const response = new ServerResponse(request);
  const sink = new Writable({ write: (chunk: Buffer, _, done) => write(chunk, done) });
  response.assignSocket(sink as Socket);
  response.once("finish", () => response.emit("close")); // as Node's server has it
  return response;
}

function failing(error: unknown): EventStreamAnswer {
  const events: AsyncIterable<AnswerEvent> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        if (error !== undefined) throw error;
        return { done: true, value: undefined };
      },
    }),
  };
  return { events, over: new AbortController().signal, abandon: () => undefined };
}

function bulk(text: string): BulkAnswer {
  return { toJson: () => JSON.stringify(text), toValues: () => text };
}

function endless(over: AbortSignal): EventStreamAnswer {
  const events = (async function* (): AsyncGenerator<AnswerEvent> {
    while (!over.aborted) yield { type: "SubscribeToShardEvent", content: bulk("x".repeat(100_000)) };
  })();
  return { events, over, abandon: () => undefined };
}
