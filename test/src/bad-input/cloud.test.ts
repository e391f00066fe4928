import { afterAll, beforeAll, expect, test } from "vitest";
import { cborRequests } from "../clients/cbor-requests.js";
import { countedBy } from "../harness/counted.js";
import { Bystander, createStream, kinesisClient } from "../harness/kinesis.js";
import { residentBytesPeak } from "../harness/memory.js";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { CBOR_TYPE, type RawAnswer, sendSigned, type SignedRequest } from "../harness/signed-request.js";

const scope = new Scope();
let cloud: Part;
let bystander: Bystander;

beforeAll(async () => {
  cloud = await startCloud(scope);
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "cbor", 4);
  bystander = new Bystander(client, "cbor");
});
afterAll(() => scope.close());

const COUNTED = /^headwater_cloud_requests_total\{.*result="(?!ok")/;
const MEBIBYTE = 1024 * 1024;

function put(bytes: number): Buffer {
  const Data = Buffer.alloc(bytes, 1).toString("base64");
  return Buffer.from(JSON.stringify({ StreamName: "cbor", PartitionKey: "k", Data }));
}

interface Case {
  readonly request: SignedRequest;
  readonly status: number;
  readonly type: RegExp;
}

const cases: Record<string, Case> = {
  "a wrong secret": {
    request: { operation: "PutRecord", body: put(10), secretAccessKey: "wrong" },
    status: 400,
    type: /InvalidSignatureException/,
  },
  "an expired date": {
    request: { operation: "PutRecord", body: put(10), signingDate: new Date(Date.now() - 3_600_000) },
    status: 400,
    type: /InvalidSignatureException/,
  },
  "a record over 1 MiB": {
    request: { operation: "PutRecord", body: put(MEBIBYTE + 1) },
    status: 400,
    type: /ValidationException|InvalidArgumentException/,
  },
  "truncated CBOR": {
    request: { operation: "PutRecord", body: cborRequests.putRecord.subarray(0, 40), contentType: CBOR_TYPE },
    status: 400,
    type: /SerializationException/,
  },
  "truncated JSON": {
    request: { operation: "PutRecord", body: put(10).subarray(0, 30) },
    status: 400,
    type: /SerializationException/,
  },
  "an unknown operation": {
    request: { operation: "PutEverything", body: Buffer.from("{}") },
    status: 400,
    type: /UnknownOperationException/,
  },
  "a body of 50 MiB": {
    request: { operation: "PutRecord", body: Buffer.alloc(50 * MEBIBYTE, "x") },
    status: 413,
    type: /RequestEntityTooLarge|RequestTooLarge|ContentLengthExceeded/,
  },
};

test.each(Object.entries(cases))(
  "%s gets its error, is counted, and harms nobody else",
  async (_, { request, status, type }) => {
    let answer: RawAnswer | undefined;
    const rise = await countedBy(cloud, COUNTED, async () => {
      answer = await sendSigned(cloud.url, request);
    });
    expect(rise).toBeGreaterThan(0);
    const text = answer?.body.toString() ?? "";
    expect([answer?.status, text.slice(0, 500)]).toEqual([status, expect.stringMatching(type)]);
    expect(answer?.headers["x-amzn-requestid"]).toMatch(/./);
    await bystander.progresses();
  },
);

test("many large bodies at once are refused without being kept in memory", async () => {
  const before = residentBytesPeak(cloud.pid);
  const body = Buffer.alloc(50 * MEBIBYTE, "x");
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => sendSigned(cloud.url, { operation: "PutRecord", body })),
  );
  for (const { status } of answers) expect(status).toBe(413);
  expect(residentBytesPeak(cloud.pid) - before).toBeLessThan(100 * MEBIBYTE);
});

test("the bystander saw no error through all of this", async () => {
  await bystander.progresses();
  expect(await bystander.finish()).toBeGreaterThan(0);
});
