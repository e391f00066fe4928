import { decode } from "cborg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { CBOR_TYPE, sendSigned } from "../harness/signed-request.js";
import { until } from "../harness/until.js";
import { cborRequests } from "./cbor-requests.js";

const scope = new Scope();
let cloud: Part;

beforeAll(async () => {
  cloud = await startCloud(scope);
  await send("CreateStream", cborRequests.createStream);
  await until("the stream to be active", async () => (await send("PutRecord", cborRequests.putRecord)).status === 200);
});
afterAll(() => scope.close());

/** A date as AWS writes it, kept apart from a plain number. */
interface EpochMs {
  readonly epochMs: unknown;
}

async function send(operation: string, body: Uint8Array): Promise<{ status: number; type: unknown; body: unknown }> {
  const answer = await sendSigned(cloud.url, { operation, body, contentType: CBOR_TYPE });
  const decoded: unknown =
    answer.body.length === 0
      ? undefined
      : decode(answer.body, { tags: { 1: (content): EpochMs => ({ epochMs: content() }) } });
  return { status: answer.status, type: answer.headers["content-type"], body: decoded };
}

async function records(iterator: Uint8Array): Promise<Record<string, unknown>[]> {
  const found = await send("GetShardIterator", iterator);
  expect(found).toMatchObject({ status: 200, type: CBOR_TYPE });
  const { ShardIterator } = found.body as { ShardIterator: string };
  const read = await send("GetRecords", getRecords(ShardIterator));
  expect(read).toMatchObject({ status: 200, type: CBOR_TYPE });
  return (read.body as { Records: Record<string, unknown>[] }).Records;
}

/** {"ShardIterator": text(16-bit length)}: iterators are the server's words, so this one cannot be fixed bytes. */
function getRecords(iterator: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(iterator.length);
  return Buffer.concat([Buffer.from("a16d53686172644974657261746f7279", "hex"), length, Buffer.from(iterator)]);
}

test("definite and indefinite lengths are read, bytes stay bytes, dates are tag 1 around milliseconds", async () => {
  const put = await send("PutRecords", cborRequests.putRecords);
  expect(put).toMatchObject({ status: 200, type: CBOR_TYPE, body: { FailedRecordCount: 0 } });

  const read = await records(cborRequests.trimHorizon);
  const byKey = new Map(read.map((record) => [record["PartitionKey"], record]));
  expect(Buffer.from(byKey.get("a")?.["Data"] as Uint8Array).toString()).toBe("first");
  expect(byKey.get("b")?.["Data"]).toEqual(new Uint8Array(0));
  const arrival = byKey.get("a")?.["ApproximateArrivalTimestamp"] as EpochMs | undefined;
  expect(Math.abs(Date.now() - Number(arrival?.epochMs))).toBeLessThan(60_000);

  const sinceLongAgo = await records(cborRequests.atTimestamp);
  expect(sinceLongAgo).toEqual(read);
});

test("errors are CBOR, too", async () => {
  const answer = await send("DescribeStreamSummary", cborRequests.describeNowhere);
  expect(answer).toEqual({
    status: 400,
    type: CBOR_TYPE,
    body: {
      __type: expect.stringMatching(/ResourceNotFoundException$/) as string,
      message: "Stream nowhere under account 000000000000 not found.",
    },
  });
});

test("a request cut off at any byte is an error of the client, never a record", async () => {
  const whole = cborRequests.putRecord;
  const before = (await records(cborRequests.trimHorizon)).length;
  for (let end = 0; end < whole.length; end++) {
    const answer = await send("PutRecord", whole.subarray(0, end));
    expect(answer.status, `cut off at ${end}: ${JSON.stringify(answer.body)}`).toBe(400);
    expect(answer.body).toMatchObject({
      ["__type"]: expect.stringMatching(/SerializationException|ValidationException/) as string,
    });
  }
  expect(await records(cborRequests.trimHorizon)).toHaveLength(before);
});
