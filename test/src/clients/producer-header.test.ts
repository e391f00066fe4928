import { randomUUID } from "node:crypto";
import { formatProducerHeader, PRODUCER_HEADER } from "@headwater/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createStream, kinesisClient, readAll } from "../harness/kinesis.js";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { callJson } from "../harness/signed-request.js";

const scope = new Scope();
let cloud: Part;
const StreamName = "repeats";
const half = String(2n ** 127n);

beforeAll(async () => {
  cloud = await startCloud(scope);
  await createStream(kinesisClient(scope, cloud.url), StreamName, 2);
});
afterAll(() => scope.close());

const spoolId = randomUUID();

interface Entry {
  readonly ShardId?: string;
  readonly SequenceNumber?: string;
  readonly ErrorCode?: string;
}

async function put(
  request: number,
  records: { data: string; bytes?: number; hashKey?: string }[],
  producer = "gateway-1",
): Promise<{ status: number; body: Record<string, unknown>; entries: Entry[] }> {
  const input = {
    StreamName,
    Records: records.map(({ data, bytes = data.length, hashKey = "0" }) => ({
      PartitionKey: "k",
      ExplicitHashKey: hashKey,
      Data: Buffer.from(data.padEnd(bytes)).toString("base64"),
    })),
  };
  const headers = { [PRODUCER_HEADER]: formatProducerHeader({ producer, spoolId, request }) };
  const answer = await callJson(cloud.url, "PutRecords", input, { headers });
  return { ...answer, entries: (answer.body["Records"] ?? []) as Entry[] };
}

async function texts(): Promise<string[]> {
  const read = await readAll(kinesisClient(scope, cloud.url), StreamName);
  return read.map(({ data }) => Buffer.from(data).toString().trim());
}

const timesOf = async (text: string): Promise<number> => (await texts()).filter((one) => one === text).length;

test("an identical retry gets the identical answer and writes nothing, also after kill -9", async () => {
  const records = [{ data: "a" }, { data: "b", hashKey: half }, { data: "c" }];
  const first = await put(1, records);
  expect(first).toMatchObject({ status: 200, body: { FailedRecordCount: 0 } });
  expect(await put(1, records)).toEqual(first);

  await cloud.kill("SIGKILL");
  await cloud.restart();
  expect(await put(1, records)).toEqual(first);
  expect((await texts()).sort()).toEqual(["a", "b", "c"]);

  const other = await put(1, records, "gateway-2");
  expect(other.entries[0]?.SequenceNumber, "another producer's request 1 is another request").not.toBe(
    first.entries[0]?.SequenceNumber,
  );
});

test("at once from two connections, a request is still written once", async () => {
  const records = [{ data: "twin" }];
  const answers = await Promise.all(Array.from({ length: 8 }, () => put(2, records)));
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  expect(await timesOf("twin")).toBe(1);
});

test("after a shard's first rejection the rest of its entries are rejected, and a repeat decides only those anew", async () => {
  // 24 × 100 KiB are more than one second's and one burst's MiB of shard 0; the entry for shard 1 fits.
  const records = [
    ...Array.from({ length: 24 }, (_, i) => ({ data: `large-${i}`, bytes: 100 * 1024 })),
    { data: "tiny" },
    { data: "neighbour", hashKey: half },
  ];
  let answer = await put(3, records);
  const rejected = answer.entries.findIndex(({ ErrorCode }) => ErrorCode !== undefined);
  expect(rejected).toBeGreaterThan(0);
  const codes = answer.entries.slice(rejected, 25).map(({ ErrorCode }) => ErrorCode);
  expect(codes, "the tiny one must not overtake").toEqual(codes.map(() => "ProvisionedThroughputExceededException"));
  expect(answer.entries[25]?.SequenceNumber).toBeDefined();

  const deadline = performance.now() + 30_000;
  while (answer.body["FailedRecordCount"] !== 0) {
    expect(performance.now(), "the repeats are accepted in time").toBeLessThan(deadline);
    const accepted = answer.entries.map(({ SequenceNumber }) => SequenceNumber);
    answer = await put(3, records);
    const kept = answer.entries.map(({ SequenceNumber }, i) =>
      accepted[i] === undefined ? undefined : SequenceNumber,
    );
    expect(kept).toEqual(accepted);
  }
  const large = (await texts()).filter((text) => /^large|^tiny/.test(text));
  expect(large).toEqual([...Array.from({ length: 24 }, (_, i) => `large-${i}`), "tiny"]);
});

test("a request older than the window is an error, never an append", async () => {
  for (let request = 100; request < 100 + 1030; request += 10) {
    const calls = Array.from({ length: 10 }, (_, i) => put(request + i, [{ data: "w" }], "old"));
    for (const { status } of await Promise.all(calls)) expect(status).toBe(200);
  }
  const before = (await texts()).length;
  const late = await put(100, [{ data: "late" }], "old");
  expect(late.status === 400 || late.entries[0]?.ErrorCode !== undefined, `answered ${JSON.stringify(late)}`).toBe(
    true,
  );
  expect(await texts()).toHaveLength(before);
});

test("a malformed header is refused", async () => {
  const headers = { [PRODUCER_HEADER]: "gateway-1/not-a-uuid/1" };
  const input = { StreamName, Records: [{ PartitionKey: "k", Data: "AA==" }] };
  const answer = await callJson(cloud.url, "PutRecords", input, { headers });
  expect(answer).toMatchObject({ status: 400, body: { __type: expect.any(String) as string } });
});
