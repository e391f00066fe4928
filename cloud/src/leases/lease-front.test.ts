import { crc32 } from "node:zlib";
import pino from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BodyBudget } from "../http/body-budget.js";
import { Listener } from "../http/listener.js";
import { CloudMetrics } from "../metrics.js";
import { SignatureVerifier } from "../sigv4/index.js";
import { signedPost, testKeys } from "../testing/signed-post.js";
import { TestService } from "../testing/test-service.js";
import { LeaseFront } from "./lease-front.js";
import { TestLeases } from "./testing/test-leases.js";

let streams: TestService;
let leases: TestLeases;
let listener: Listener;
let port: number;
let logged: string[];

beforeEach(async () => {
  streams = await TestService.start();
  leases = await TestLeases.start();
  logged = [];
  const budget = new BodyBudget({ bytesMax: 64 << 20, waitMs: 1000, waitingMax: 10 });
  const front = new LeaseFront({
    tables: leases.tables,
    context: { accountId: "000000000000", region: "us-east-1", now: Date.now },
    verifier: new SignatureVerifier({
      region: "us-east-1",
      service: "dynamodb",
      secretOf: (key) => (key === testKeys.accessKeyId ? testKeys.secretAccessKey : undefined),
      now: Date.now,
    }),
    budget,
    metrics: new CloudMetrics({ log: streams.log, budget }),
    logger: pino({ level: "error" }, { write: (line: string) => void logged.push(line) }),
  });
  listener = new Listener({
    onRequest: (incoming, response) => void front.handle(incoming, response),
    onUpgrade: (_, socket) => void socket.destroy(),
    onRefused: () => undefined,
  });
  ({ port } = await listener.listen(0, "127.0.0.1"));
});
afterEach(async () => {
  await listener.stop();
  await streams.close();
});

interface Sent {
  readonly operation?: string;
  readonly body?: string;
  readonly service?: string;
  readonly secretAccessKey?: string;
}

async function send({ operation = "ListTables", body = "{}", service = "dynamodb", ...other }: Sent): Promise<{
  status: number;
  headers: Record<string, unknown>;
  body: unknown;
}> {
  const target = `DynamoDB_20120810.${operation}`;
  const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": target };
  const answered = await signedPost(port, { headers, body, service, ...other });
  return { ...answered, body: JSON.parse(answered.body.toString()) as unknown };
}

const coral = "com.amazon.coral.service#";
const dynamo = "com.amazonaws.dynamodb.v20120810#";

test("answers in DynamoDB's form, with a checksum and a request id", async () => {
  const { status, headers, body } = await send({});
  expect([status, body]).toEqual([200, { TableNames: [] }]);
  expect(headers).toMatchObject({
    "content-type": "application/x-amz-json-1.0",
    "x-amz-crc32": String(crc32('{"TableNames":[]}')),
    "x-amzn-requestid": expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
  });
});

describe("refuses", () => {
  test.each<[string, Sent, number, string]>([
    ["another operation", { operation: "ExecuteStatement" }, 400, `${coral}UnknownOperationException`],
    ["no JSON", { body: "{" }, 400, `${coral}SerializationException`],
    ["nesting without end", { body: "[".repeat(300_000) }, 400, `${coral}SerializationException`],
    ["a body that is no structure", { body: "[]" }, 400, `${coral}SerializationException`],
    ["a body that is too large", { body: `"${"x".repeat(1 << 20)}"` }, 413, `${coral}RequestEntityTooLargeException`],
    ["another secret", { secretAccessKey: "x" }, 400, `${coral}InvalidSignatureException`],
    ["a signature for the streams", { service: "kinesis" }, 400, `${coral}InvalidSignatureException`],
    ["no such table", { operation: "Scan", body: '{"TableName":"none"}' }, 400, `${dynamo}ResourceNotFoundException`],
    ["an empty table name", { operation: "Scan" }, 400, "com.amazon.coral.validate#ValidationException"],
  ])("%s", async (_, sent, status, type) => {
    expect(await send(sent)).toMatchObject({ status, body: { __type: type } });
    expect(logged).toEqual([]);
  });
});

test("a disk that fails is an error of ours, told to the operator", async () => {
  leases.store.beforeWrite = () => Promise.reject(new Error("no space"));
  const body = JSON.stringify({
    TableName: "leases",
    KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "k", AttributeType: "S" }],
  });
  expect(await send({ operation: "CreateTable", body })).toMatchObject({
    status: 500,
    body: { __type: `${dynamo}InternalServerError`, message: "Internal service failure." },
  });
  expect(logged.join("")).toContain("no space");
  expect(await send({})).toMatchObject({ body: { TableNames: [] } });
});
