import { afterAll, beforeAll, expect, test } from "vitest";
import { createStream, kinesisClient, readAll } from "../harness/kinesis.js";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { presign, sendRaw } from "../harness/signed-request.js";

const scope = new Scope();
let cloud: Part;
const StreamName = "presigned";
const body = Buffer.from(
  JSON.stringify({ StreamName, PartitionKey: "k", Data: Buffer.from("by url").toString("base64") }),
);

beforeAll(async () => {
  cloud = await startCloud(scope);
  await createStream(kinesisClient(scope, cloud.url), StreamName, 1);
});
afterAll(() => scope.close());

test("a presigned request is served to whoever sends it, until it expires", async () => {
  const request = await presign(cloud.url, { operation: "PutRecord", body }, 60);
  const answer = await sendRaw(request.url, request);
  expect(answer.body.toString()).toMatch(/"SequenceNumber":"49/);
  expect(answer.status).toBe(200);

  const anHourAgo = new Date(Date.now() - 3_600_000);
  const expired = await presign(cloud.url, { operation: "PutRecord", body, signingDate: anHourAgo }, 60);
  const refused = await sendRaw(expired.url, expired);
  expect(refused.status).toBe(400);
  expect(refused.body.toString()).toMatch(/Signature.*expired/i);
});

test("a changed body or operation is not what was signed", async () => {
  const request = await presign(cloud.url, { operation: "PutRecord", body }, 60);
  const changed = [
    { ...request, body: Buffer.from(body.toString().replace('"k"', '"l"')) },
    { ...request, headers: { ...request.headers, "x-amz-target": "Kinesis_20131202.DeleteStream" } },
  ];
  for (const one of changed) {
    const answer = await sendRaw(one.url, one);
    expect([answer.status, answer.body.toString()]).toEqual([
      400,
      expect.stringContaining("InvalidSignatureException"),
    ]);
  }
  const read = await readAll(kinesisClient(scope, cloud.url), StreamName);
  expect(read.map(({ data }) => Buffer.from(data).toString())).toEqual(["by url"]);
});
