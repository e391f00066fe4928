import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CBOR_TYPE, JSON_TYPE, type Received, type Sent, TestFront } from "../testing/test-front.js";
import { base64 } from "../testing/test-service.js";

const MEBIBYTE = 1 << 20;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
let front: TestFront;

beforeEach(async () => {
  front = await TestFront.start();
  await front.it.createStream("s");
});
afterEach(() => front.close());

const putInput = { StreamName: "s", PartitionKey: "k", Data: base64("hello") };

function put(sent: Sent = {}): Promise<Received> {
  return front.send({ operation: "PutRecord", body: JSON.stringify(putInput), ...sent });
}

const requests = (operation: string, result: string): Promise<number> =>
  front.counted(`requests_total{operation="${operation}",result="${result}"}`);

async function storedRecords(): Promise<number> {
  const ShardIterator = await front.it.iterator("s", { ShardIteratorType: "TRIM_HORIZON" });
  const { Records } = await front.it.call("GetRecords", { ShardIterator });
  return (Records as unknown[]).length;
}

describe("answers", () => {
  test("carry AWS's headers, and a request id of their own", async () => {
    const [first, second] = [await put(), await put()];
    expect(first).toMatchObject({ status: 200, headers: { "content-type": JSON_TYPE } });
    expect(first.headers["x-amzn-requestid"]).toMatch(UUID);
    expect(first.headers["x-amzn-requestid"]).not.toBe(second.headers["x-amzn-requestid"]);
    expect(first.headers["x-amz-id-2"]).toMatch(/^[A-Za-z0-9+/]{96}$/);
    expect(first.headers["content-length"]).toBe(String(first.bytes.length));
  });

  test("of operations that answer nothing have no body", async () => {
    const answer = await front.send({ operation: "DeleteStream", body: JSON.stringify({ StreamName: "s" }) });
    expect(answer).toMatchObject({ status: 200, headers: { "content-length": "0" } });
  });

  test("write times as seconds in JSON and as tagged milliseconds in CBOR", async () => {
    const body = { operation: "DescribeStreamSummary", body: JSON.stringify({ StreamName: "s" }) };
    const inJson = await front.send(body);
    expect(inJson.bytes.toString()).toContain(`"StreamCreationTimestamp":${front.it.clock.now() / 1000}`);
    // {"StreamName": "s"}
    const cbor = Buffer.from("a16a53747265616d4e616d656173", "hex");
    const inCbor = await front.send({ ...body, body: cbor, contentType: CBOR_TYPE });
    expect(inCbor.headers["content-type"]).toBe(CBOR_TYPE);
    // 1(1700000000000), after its member's name
    expect(
      inCbor.bytes.includes(Buffer.concat([Buffer.from("Timestamp"), Buffer.from("c11b0000018bcfe56800", "hex")])),
    ).toBe(true);
  });
});

describe("refusals", () => {
  test.each<[string, Sent, string, string | RegExp]>([
    ["a wrong secret", { secretAccessKey: "wrong" }, "InvalidSignatureException", /^The request signature we calc/],
    ["an unknown key", { accessKeyId: "AKIDNOBODY" }, "UnrecognizedClientException", /^The security token incl/],
    ["an expired date", { signedAt: new Date(0) }, "InvalidSignatureException", /^Signature expired: 19700101T000000Z/],
    ["a date to come", { signedAt: new Date(4e12) }, "InvalidSignatureException", /^Signature not yet current/],
    ["another service", { service: "s3" }, "InvalidSignatureException", /correct service: 'kinesis'/],
    [
      "base64 with bits left over",
      { body: JSON.stringify({ ...putInput, Data: "+/+=" }) },
      "SerializationException",
      /^'\+\/\+=' can not be converted to a Blob: Invalid last non-pad/,
    ],
    ["a body of another type", { body: "[1]" }, "SerializationException", /list/],
    ["an input that breaks constraints", { body: "{}" }, "ValidationException", /^2 validation errors detected: /],
    [
      "a stream that is not there",
      { body: '{"StreamName":"x","Data":"","PartitionKey":"k"}' },
      "ResourceNotFoundException",
      "Stream x under account 000000000000 not found.",
    ],
  ])("%s", async (_, sent, type, message) => {
    const answer = await put(sent);
    const { __type, message: lower, Message: upper } = answer.body;
    expect([answer.status, __type, lower ?? upper]).toEqual([400, type, expect.stringMatching(message)]);
    expect(answer.headers["x-amzn-requestid"]).toMatch(UUID);
    expect(answer.headers["content-type"]).toBe(JSON_TYPE);
    expect(await storedRecords()).toBe(0);
  });

  test("no signature at all", async () => {
    const headers = { "content-type": JSON_TYPE, "x-amz-target": "Kinesis_20131202.ListStreams" };
    expect(await front.sendRaw({ headers, body: "{}" })).toMatchObject({
      status: 400,
      body: { __type: "MissingAuthenticationTokenException", message: "Missing Authentication Token" },
    });
    expect(await front.counted('signature_failures_total{cause="authentication-missing"}')).toBe(1);
  });

  test("an unknown operation has a type and no message, as with AWS, and adds no metric of its own", async () => {
    for (const operation of ["PutEverything", "constructor", ""]) {
      const { status, body } = await front.send({ operation });
      expect([status, body]).toEqual([400, { __type: "UnknownOperationException" }]);
    }
    expect(await requests("unknown", "operation-unknown")).toBe(3);
  });

  test("CBOR that ends too early, at any byte, is an error in CBOR", async () => {
    // {"StreamName": "s", "PartitionKey": "k", "Data": h'0102'}
    const whole = Buffer.from("a36a53747265616d4e616d6561736c506172746974696f6e4b6579616b6444617461420102", "hex");
    const cbor = { operation: "PutRecord", contentType: CBOR_TYPE };
    for (let end = 0; end < whole.length; end += 1) {
      const { status, headers, body } = await front.send({ ...cbor, body: whole.subarray(0, end) });
      expect([status, headers["content-type"], body["__type"]]).toEqual([400, CBOR_TYPE, "SerializationException"]);
    }
    expect(await storedRecords()).toBe(0);
    expect((await front.send({ ...cbor, body: whole })).status).toBe(200);
  });

  test("a record over 1 MiB is told so in AWS's words, up to the largest body", async () => {
    const Data = Buffer.alloc(11 * MEBIBYTE).toString("base64");
    const answer = await put({ body: JSON.stringify({ ...putInput, Data }) });
    expect(answer.body).toEqual({
      __type: "ValidationException",
      message:
        "1 validation error detected: Value at 'data' failed to satisfy constraint: " +
        "Member must have length less than or equal to 10485760",
    });
  });
});

describe("presigned requests", () => {
  test("are served until they expire", async () => {
    const signedAt = new Date(front.it.clock.now());
    expect((await put({ presignedSeconds: 600, signedAt })).status).toBe(200);
    front.it.clock.advance(600_000);
    expect((await put({ presignedSeconds: 600, signedAt })).status).toBe(200);
    front.it.clock.advance(1000);
    const expired = await put({ presignedSeconds: 600, signedAt });
    expect(expired.body).toMatchObject({
      __type: "InvalidSignatureException",
      message: expect.stringContaining("Signature expired") as string,
    });
  });

  test("hold for their own body and operation only", async () => {
    const { path, headers } = await front.sign({ operation: "PutRecord", body: "{}", presignedSeconds: 60 });
    const otherBody = await front.sendRaw({ path, headers, body: JSON.stringify(putInput) });
    const target = { "x-amz-target": "Kinesis_20131202.DeleteStream" };
    const otherOperation = await front.sendRaw({ path, headers: { ...headers, ...target }, body: "{}" });
    for (const { body } of [otherBody, otherOperation]) expect(body["__type"]).toBe("InvalidSignatureException");
  });
});

describe("the producer header", () => {
  const value = "gateway/0f8fad5b-d9cb-469f-a165-70867728950e/1";

  test("makes an identical retry an identical answer", async () => {
    const headers = { "x-headwater-producer": value };
    const first = await put({ headers });
    expect((await put({ headers })).body).toEqual(first.body);
    expect(await storedRecords()).toBe(1);
  });

  test.each(["gateway/1", `${value}, ${value}`, ""])("%j is refused", async (malformed) => {
    const { body } = await put({ headers: { "x-headwater-producer": malformed } });
    expect(body).toEqual({
      __type: "InvalidArgumentException",
      message: "x-headwater-producer must be <id>/<UUID>/<request number>.",
    });
  });

  test("is refused where it is not signed, so that nobody on the way can add it", async () => {
    const body = JSON.stringify(putInput);
    const { headers } = await front.sign({ operation: "PutRecord", body });
    const answer = await front.sendRaw({ headers: { ...headers, "x-headwater-producer": value }, body });
    expect(answer.body["message"]).toBe("x-headwater-producer must be a 'SignedHeader' in the AWS Authorization.");
    expect(await storedRecords()).toBe(0);
  });
});

describe("large bodies", () => {
  test("are refused by what they announce, before a byte of them is read, and counted", async () => {
    const { headers } = await front.sign({ operation: "PutRecord" });
    const socket = connect(front.port, "127.0.0.1");
    const lines = Object.entries({ ...headers, "content-length": String(50 * MEBIBYTE) }).map((pair) =>
      pair.join(": "),
    );
    socket.write(`POST / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`); // and not a byte more
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 /);
    expect(answer.toString()).toContain('{"__type":"RequestEntityTooLargeException"');
    expect(await requests("PutRecord", "request-too-large")).toBe(1);
    expect(front.budget.used).toBe(0);
    socket.destroy();
  });

  test("that are sent all the same are thrown away, and the connection goes on", async () => {
    const refused = await put({ body: Buffer.alloc(50 * MEBIBYTE, "x") });
    expect([refused.status, refused.body["__type"]]).toEqual([413, "RequestEntityTooLargeException"]);
    expect((await put()).status).toBe(200);
    expect(front.budget.used).toBe(0);
  });

  test("that are sent all the same do not cost the answer where the connection is not kept", async () => {
    const { headers } = await front.sign({ operation: "PutRecord" });
    const socket = connect(front.port, "127.0.0.1");
    const lines = Object.entries({ ...headers, connection: "close", "content-length": String(50 * MEBIBYTE) });
    socket.write(`POST / HTTP/1.1\r\n${lines.map((pair) => pair.join(": ")).join("\r\n")}\r\n\r\n`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 /);
    // A connection that is closed already would break now.
    socket.end(Buffer.alloc(50 * MEBIBYTE, "x"));
    await once(socket, "close");
    expect(socket.bytesWritten).toBeGreaterThan(50 * MEBIBYTE);
  });

  test("that announce nothing are refused once they are too large", async () => {
    const { headers } = await front.sign({ operation: "ListStreams" });
    const socket = connect(front.port, "127.0.0.1");
    const lines = Object.entries({ ...headers, "transfer-encoding": "chunked" }).map((pair) => pair.join(": "));
    socket.write(`POST / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    const answered = once(socket, "data") as Promise<[Buffer]>;
    for (let sent = 0; sent <= MEBIBYTE; sent += 0x10000) socket.write(chunk);
    expect((await answered)[0].toString()).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  test("of millions of tiny parts are refused before they cost memory", async () => {
    const { body } = await put({ body: Buffer.alloc(15 * MEBIBYTE, "[") });
    expect(body).toEqual({ __type: "SerializationException" });
    // 15 million empty maps in a list
    const maps = Buffer.concat([Buffer.from("9a00f00000", "hex"), Buffer.alloc(15 * MEBIBYTE, 0xa0)]);
    const cbor = await put({ body: maps, contentType: CBOR_TYPE });
    expect(cbor.body["__type"]).toBe("SerializationException");
  });

  test("are asked for before a byte is sent, where the client waits to be asked", async () => {
    const body = JSON.stringify(putInput);
    const { headers } = await front.sign({ operation: "PutRecord", body });
    const socket = connect(front.port, "127.0.0.1");
    const expecting = { ...headers, expect: "100-continue", "content-length": String(body.length) };
    const lines = Object.entries(expecting).map((pair) => pair.join(": "));
    socket.write(`POST / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    const [asked] = (await once(socket, "data")) as [Buffer];
    expect(asked.toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    socket.write(body);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /);
    socket.destroy();
  });
});

test("a client that leaves in the middle of its body is counted as such, and is no failure of ours", async () => {
  const { headers } = await front.sign({ operation: "PutRecord" });
  const socket = connect(front.port, "127.0.0.1");
  const lines = Object.entries({ ...headers, "content-length": "1000" }).map((pair) => pair.join(": "));
  socket.write(`POST / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\nhalf`);
  await expect.poll(() => front.budget.used).toBe(1000);
  socket.destroy();
  await expect.poll(() => requests("PutRecord", "request-incomplete")).toBe(1);
  expect(front.budget.used).toBe(0);
});

/** Sends a put; answers what makes its client leave. */
type SendAndLeave = (body: string, headers: Record<string, string>) => () => void;

const overHttp1: SendAndLeave = (body, headers) => {
  const socket = connect(front.port, "127.0.0.1");
  const lines = Object.entries({ ...headers, "content-length": body.length }).map((pair) => pair.join(": "));
  socket.write(`POST / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
  return () => void socket.destroy();
};

const overHttp2: SendAndLeave = (body, { host, ...headers }) => {
  const session = connectHttp2(`http://${host}`);
  const stream = session.request({ ":method": "POST", ...headers, "content-length": body.length }).end(body);
  stream.once("close", () => session.close());
  return () => stream.close(constants.NGHTTP2_CANCEL);
};

test.each([
  ["HTTP/1.1", overHttp1],
  ["HTTP/2, where it resets the stream", overHttp2],
])(
  "a client that leaves while a reshard makes its put wait gives its memory back, and nothing is stored, over %s",
  async (_, send) => {
    const { it } = front;
    const sync = new AbortController();
    it.log.delay = new Promise((resolve) => sync.signal.addEventListener("abort", () => resolve()));
    const held = put();
    await expect.poll(() => it.log.appended).toBe(1);
    const NewStartingHashKey = String(2n ** 127n);
    const resharding = it.call("SplitShard", { StreamName: "s", ShardToSplit: "shardId-0", NewStartingHashKey });
    await expect.poll(() => it.context.service.find("s").shards[0]?.gate.isShut).toBe(true);
    const body = JSON.stringify(putInput);
    const before = front.budget.used;
    const leave = send(body, (await front.sign({ operation: "PutRecord", body })).headers);
    await expect.poll(() => front.budget.used).toBe(before + body.length);
    leave();
    await expect.poll(() => requests("PutRecord", "request-incomplete")).toBe(1);
    expect(front.budget.used).toBe(before);
    sync.abort();
    await resharding;
    expect(await held).toMatchObject({ status: 200 });
    expect(it.log.appended).toBe(1);
  },
);
