import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { decode, encode } from "cborg";
import * as fc from "fast-check";
import pino from "pino";
import { Registry } from "../prometheus.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BodyBudget } from "../http/body-budget.js";
import { Listener } from "../http/listener.js";
import { CloudMetrics } from "../metrics.js";
import { SignatureVerifier } from "../sigv4/index.js";
import { refusalOf } from "../testing/refusal-of.js";
import { type Answered, type SignedPost, signedPost, testKeys } from "../testing/signed-post.js";
import { TestService } from "../testing/test-service.js";
import { isMetricDataRequest, MetricDataFront } from "./metric-data-front.js";
import { readMetricData } from "./metric-data-input.js";
import { PublishedMetrics } from "./published-metrics.js";
import { decodeQueryForm } from "./query-form.js";

const budget = new BodyBudget({ bytesMax: 4 << 20, waitMs: 5000, waitingMax: 20 });
let streams: TestService;
let registry: Registry;
let listener: Listener;
let port: number;
let logged: string[];

beforeEach(async () => {
  streams = await TestService.start();
  registry = new Registry();
  logged = [];
  const front = new MetricDataFront({
    published: new PublishedMetrics(registry),
    verifier: new SignatureVerifier({
      region: "us-east-1",
      service: "monitoring",
      secretOf: (key) => (key === testKeys.accessKeyId ? testKeys.secretAccessKey : undefined),
      now: Date.now,
    }),
    budget,
    metrics: new CloudMetrics({ log: streams.log, budget }),
    logger: pino({ level: "error" }, { write: (line: string) => void logged.push(line) }),
  });
  listener = new Listener({
    onRequest: (incoming, response) => {
      if (isMetricDataRequest(incoming)) void front.handle(incoming, response);
      else response.writeHead(404).end();
    },
    onUpgrade: (_, socket) => void socket.destroy(),
    onRefused: () => undefined,
  });
  ({ port } = await listener.listen(0, "127.0.0.1"));
});
afterEach(async () => {
  await listener.stop();
  await streams.close();
});

type Sent = Omit<SignedPost, "service"> & { readonly service?: string };

const send = (sent: Sent): Promise<Answered> => signedPost(port, { service: "monitoring", ...sent });

const form = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
const jsonCall = {
  "content-type": "application/x-amz-json-1.0",
  "x-amz-target": "GraniteServiceVersion20100801.PutMetricData",
};
const cborCall = { "content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor" };
const cborPath = "/service/GraniteServiceVersion20100801/operation/PutMetricData";

/** What the library publishes of a task: each of its measures, by task and by shard. */
const published = {
  Namespace: "orders",
  MetricData: [
    {
      MetricName: "Time",
      Dimensions: [
        { Name: "Operation", Value: "ProcessTask" },
        { Name: "ShardId", Value: "shardId-000000000000" },
      ],
      Timestamp: 1_700_000_000.123,
      StatisticValues: { SampleCount: 2, Sum: 30.5, Minimum: 10, Maximum: 20.5 },
      Unit: "Milliseconds",
    },
    { MetricName: "CurrentLeases", Value: 3, Unit: "Count" },
    { MetricName: "Spread", Values: [1, -2.5], Counts: [3, 2] },
  ],
};
const inQuery = new URLSearchParams({
  Action: "PutMetricData",
  Version: "2010-08-01",
  Namespace: "orders",
  "MetricData.member.2.MetricName": "CurrentLeases",
  "MetricData.member.2.Value": "3.0",
  "MetricData.member.2.Unit": "Count",
  "MetricData.member.1.MetricName": "Time",
  "MetricData.member.1.Dimensions.member.1.Name": "Operation",
  "MetricData.member.1.Dimensions.member.1.Value": "ProcessTask",
  "MetricData.member.1.Dimensions.member.2.Name": "ShardId",
  "MetricData.member.1.Dimensions.member.2.Value": "shardId-000000000000",
  "MetricData.member.1.Timestamp": "2023-11-14T22:13:20.123Z",
  "MetricData.member.1.StatisticValues.SampleCount": "2",
  "MetricData.member.1.StatisticValues.Sum": "30.5",
  "MetricData.member.1.StatisticValues.Minimum": "1.0E1",
  "MetricData.member.1.StatisticValues.Maximum": "20.5",
  "MetricData.member.1.Unit": "Milliseconds",
  "MetricData.member.3.MetricName": "Spread",
  "MetricData.member.3.Values.member.1": "1.0",
  "MetricData.member.3.Values.member.2": "-2.5",
  "MetricData.member.3.Counts.member.1": "3.0",
  "MetricData.member.3.Counts.member.2": "2.0",
}).toString();
const inCbor = encode(published);

/** As Jackson writes structures that it is not told the length of; `Timestamp` is a date, in seconds. */
function indefinite(value: unknown): Buffer {
  if (Array.isArray(value)) return Buffer.concat([Buffer.of(0x9f), ...value.map(indefinite), Buffer.of(0xff)]);
  if (typeof value !== "object" || value === null) return Buffer.from(encode(value, { float64: true }));
  const members = Object.entries(value).flatMap(([name, member]) => [
    encode(name),
    ...(name === "Timestamp" ? [Buffer.of(0xc1)] : []),
    indefinite(member),
  ]);
  return Buffer.concat([Buffer.of(0xbf), ...members, Buffer.of(0xff)]);
}

async function shown(): Promise<string[]> {
  const text = await registry.metrics();
  return text.split("\n").filter((line) => line.startsWith("headwater"));
}

const labels = {
  time: '{namespace="orders",metric="Time",operation="ProcessTask",unit="Milliseconds"}',
  leases: '{namespace="orders",metric="CurrentLeases",operation="",unit="Count"}',
  spread: '{namespace="orders",metric="Spread",operation="",unit=""}',
};

test.each<[string, Sent, Partial<Answered["headers"]>, RegExp]>([
  [
    "a form of AWS's query protocol, as SDKs for Java before 2.40.6 send it",
    { headers: form, body: inQuery },
    { "content-type": "text/xml" },
    /^<PutMetricDataResponse .*<RequestId>[0-9a-f-]{36}<\/RequestId>/,
  ],
  [
    "CBOR, as later ones send it",
    { headers: cborCall, path: cborPath, body: inCbor },
    { "smithy-protocol": "rpc-v2-cbor" },
    /^$/,
  ],
  [
    "CBOR with maps and lists of indefinite length and times, as Java writes it",
    { headers: cborCall, path: cborPath, body: indefinite(published) },
    { "smithy-protocol": "rpc-v2-cbor" },
    /^$/,
  ],
  [
    "JSON, as boto3 sends it",
    { headers: jsonCall, body: JSON.stringify(published) },
    { "content-type": "application/x-amz-json-1.0" },
    /^\{\}$/,
  ],
  [
    "any of them packed, as SDKs send what is longer than 10 KiB",
    { headers: { ...form, "content-encoding": "gzip" }, body: gzipSync(inQuery) },
    { "content-type": "text/xml" },
    /^<PutMetricDataResponse /,
  ],
])("adds up what comes as %s", async (_, sent, headers, body) => {
  for (let i = 0; i < 2; i += 1) {
    const answer = await send(sent);
    expect(answer).toMatchObject({ status: 200, headers });
    expect(answer.body.toString()).toMatch(body);
  }
  expect(await shown()).toEqual([
    `headwater_cloud_published_metric_samples_total${labels.time} 4`,
    `headwater_cloud_published_metric_samples_total${labels.leases} 2`,
    `headwater_cloud_published_metric_samples_total${labels.spread} 10`,
    `headwater_cloud_published_metric_sum${labels.time} 61`,
    `headwater_cloud_published_metric_sum${labels.leases} 6`,
    `headwater_cloud_published_metric_sum${labels.spread} -4`,
  ]);
});

describe("refuses, in each protocol's form,", () => {
  const datum = { MetricName: "m", Value: 1 };
  const invalid = "InvalidParameterValueException";
  const combination = "InvalidParameterCombinationException";
  const json = (...data: readonly unknown[]): Sent => ({
    headers: jsonCall,
    body: JSON.stringify({ Namespace: "n", MetricData: data }),
  });

  test.each<[string, Sent, number, string, string]>([
    ["no namespace", { headers: jsonCall, body: '{"MetricData":[]}' }, 400, invalid, "InvalidParameterValue;Sender"],
    ["no data", json(), 400, invalid, "InvalidParameterValue;Sender"],
    ["too many data", json(...Array.from({ length: 1001 }, () => datum)), 400, invalid, "InvalidParameterValue;Sender"],
    ["a value too large", json({ ...datum, Value: 1e109 }), 400, invalid, "InvalidParameterValue;Sender"],
    ["no value", json({ MetricName: "m" }), 400, combination, "InvalidParameterCombination;Sender"],
    ["two values", json({ ...datum, Values: [1] }), 400, combination, "InvalidParameterCombination;Sender"],
    [
      "too few counts",
      json({ MetricName: "m", Values: [1, 2], Counts: [1] }),
      400,
      invalid,
      "InvalidParameterValue;Sender",
    ],
    ["a count of less than none", json({ MetricName: "m", Values: [1], Counts: [-1] }), 400, combination, "I"],
    ["text for a number", json({ ...datum, Value: "1" }), 400, "SerializationException", "MalformedInput;Sender"],
    ["no JSON", { headers: jsonCall, body: "{" }, 400, "SerializationException", "MalformedInput;Sender"],
    ["another secret", { ...json(datum), secretAccessKey: "x" }, 400, "InvalidSignatureException", "Sig"],
    ["a signature for streams", { ...json(datum), service: "kinesis" }, 400, "InvalidSignatureException", "Inv"],
    ["what is no gzip", withGzip(json(datum), Buffer.from("no")), 400, "SerializationException", "MalformedInput"],
    ["a bomb", withGzip(json(datum), gzipSync(Buffer.alloc(2 << 20))), 400, "SerializationException", "MalformedInput"],
    [
      "another operation",
      { headers: { ...jsonCall, "x-amz-target": "GraniteServiceVersion20100801.ListMetrics" }, body: "{}" },
      400,
      "UnknownOperationException",
      "InvalidAction;Sender",
    ],
    ["a body too large", { headers: jsonCall, body: `"${"x".repeat(1 << 20)}"` }, 413, "RequestEntityTooLarge", "R"],
  ])("%s", async (_, sent, status, type, code) => {
    const { body, ...answer } = await send(sent);
    expect(answer).toMatchObject({
      status,
      headers: { "x-amzn-query-error": expect.stringContaining(code) as string },
    });
    expect(JSON.parse(body.toString())).toMatchObject({ __type: expect.stringContaining(type) as string });
    expect([await shown(), logged, budget.used]).toEqual([[], [], 0]);
  });

  test.each([
    [
      { ...datum, Values: [1] },
      "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have specified both.",
    ],
    [
      { ...datum, StatisticValues: { SampleCount: 1, Sum: 1, Minimum: 1, Maximum: 1 } },
      "The parameters MetricData.member.1.Value and MetricData.member.1.StatisticValues are mutually exclusive and you have specified both.",
    ],
    [
      { MetricName: "m", Values: [1, 2], Counts: [1] },
      "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size.",
    ],
  ])("%j, in CloudWatch's words", async (wrong, message) => {
    const answer = await send(json(wrong));
    expect(JSON.parse(answer.body.toString())).toMatchObject({ message });
  });

  test("what is wrong in CBOR", async () => {
    const answer = await send({ headers: cborCall, path: cborPath, body: encode({ ...published, Namespace: ":x" }) });
    expect(answer).toMatchObject({ status: 400, headers: { "smithy-protocol": "rpc-v2-cbor" } });
    expect(decode(answer.body)).toMatchObject({
      __type: invalid,
      message: expect.stringContaining("Value ':x' at 'namespace'") as string,
    });
  });

  test("what is wrong in a form, in XML", async () => {
    const body = inQuery.replace("Value=3.0", "Value=%3Cthree%3E");
    const answer = await send({ headers: form, body });
    expect(answer.status).toBe(400);
    expect(answer.body.toString()).toContain(
      "<Error><Type>Sender</Type><Code>MalformedInput</Code>" +
        "<Message>'&lt;three&gt;' can not be converted to a Double</Message></Error>",
    );
    const unsigned = await send({ headers: form, body: inQuery, secretAccessKey: "x" });
    expect([unsigned.status, unsigned.body.toString()]).toEqual([
      403,
      expect.stringContaining("SignatureDoesNotMatch"),
    ]);
  });
});

function withGzip(sent: Sent, body: Buffer): Sent {
  return { ...sent, headers: { ...sent.headers, "content-encoding": "gzip" }, body };
}

test("packed bodies take the memory for what is in them with their own, so that none waits for what its like hold", async () => {
  const datum = { MetricName: "m", Value: 1 };
  const padding = randomBytes(350_000).toString("base64");
  const body = gzipSync(JSON.stringify({ Namespace: "n", MetricData: [datum], padding }), { level: 0 });
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => send(withGzip({ headers: jsonCall, body }, body))),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
  expect(budget.used).toBe(0);
});

test("what comes as a form for another service is none of it", async () => {
  expect((await send({ headers: form, body: inQuery, service: "kinesis" })).status).toBe(404);
});

test("shows no more than a thousand series, and counts what came after", async () => {
  registry = new Registry();
  const metrics = new PublishedMetrics(registry);
  const names = [...Array.from({ length: 1002 }, (_, i) => `m${i}`), "m0"];
  metrics.add(names.map((metric) => ({ namespace: "n", metric, operation: "", unit: "", samples: 1, sum: 1 })));
  const lines = await shown();
  expect(lines).toHaveLength(2001);
  expect(lines).toContain('headwater_cloud_published_metrics_dropped_total{cause="too-many-series"} 2');
  expect(lines).toContain('headwater_cloud_published_metric_sum{namespace="n",metric="m0",operation="",unit=""} 2');
});

test("any form is read or malformed", () => {
  const step = fc.constantFrom("MetricData", "member", "1", "2", "__proto__", "Namespace", "Value", "MetricName", "");
  const name = fc.array(step, { maxLength: 6 }).map((steps) => steps.join("."));
  const parameters = fc.array(fc.tuple(name, fc.string({ maxLength: 4 })), { maxLength: 12 });
  fc.assert(
    fc.property(parameters, (entries) => {
      const form = Buffer.from(new URLSearchParams(entries).toString());
      const refusal = refusalOf(() => readMetricData(decodeQueryForm(form), "text"));
      expect(refusal?.code).toBeOneOf([undefined, "body-malformed", "constraint-violated", "argument-invalid"]);
    }),
    { numRuns: 2000 },
  );
  expect(({} as Record<string, unknown>)["Value"]).toBeUndefined();
});
