import type { ProducerRequest } from "@headwater/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Answer, base64, TestService, texts } from "../testing/test-service.js";

const MEBIBYTE = 1 << 20;
const SECOND_SHARD = String(2n ** 127n);
let it: TestService;
const services: TestService[] = [];

async function start(limited: boolean): Promise<TestService> {
  const service = await TestService.start({ limited });
  services.push(service);
  await service.createStream("s", 2);
  return service;
}

beforeEach(async () => {
  it = await start(false);
});
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.close()));
});

interface Record {
  readonly bytes?: number;
  readonly hashKey?: string;
}

function put(records: readonly Record[], producer?: ProducerRequest): Promise<Answer> {
  const Records = records.map(({ bytes = 1, hashKey = "0" }) => ({
    PartitionKey: "k",
    ExplicitHashKey: hashKey,
    Data: Buffer.alloc(bytes, "x").toString("base64"),
  }));
  return it.call("PutRecords", { StreamName: "s", Records }, producer === undefined ? {} : { producer });
}

function request(number: number): ProducerRequest {
  return { producer: "gateway", spoolId: "00000000-0000-4000-8000-000000000000", request: number };
}

/** For each entry the last digit of its shard, or its error. */
function outcomes({ Records }: Answer): string[] {
  return (Records as { ShardId?: string; ErrorCode?: string }[]).map(
    ({ ShardId, ErrorCode }) => ErrorCode ?? ShardId?.at(-1) ?? "",
  );
}

const THROTTLED = "ProvisionedThroughputExceededException";

describe("what a call may hold", () => {
  test("500 records, not 501, not none", async () => {
    expect(await put(Array.from({ length: 500 }, () => ({})))).toMatchObject({ FailedRecordCount: 0 });
    await expect(put(Array.from({ length: 501 }, () => ({})))).rejects.toMatchObject({
      code: "constraint-violated",
      message:
        "1 validation error detected: Value at 'records' failed to satisfy constraint: " +
        "Member must have length less than or equal to 500",
    });
    await expect(put([])).rejects.toMatchObject({ code: "constraint-violated" });
  });

  test("10 MiB, partition keys included", async () => {
    const full = Array.from({ length: 10 }, () => ({ bytes: MEBIBYTE - 1 }));
    expect(await put(full)).toMatchObject({ FailedRecordCount: 0 });
    await expect(put([...full, { bytes: 1 }])).rejects.toMatchObject({
      code: "argument-invalid",
      message: "Records size exceeds 10 MB limit",
    });
  });

  test("records of 1 MiB, partition key included; the first that is larger is named", async () => {
    await expect(put([{}, { bytes: MEBIBYTE }])).rejects.toMatchObject({
      code: "constraint-violated",
      message: expect.stringContaining("at 'records.2.member.data'") as string,
    });
    await expect(put([{}, { bytes: MEBIBYTE + 1 }])).rejects.toMatchObject({
      code: "constraint-violated",
      message: expect.stringContaining("Value at 'records.2.member.data' failed") as string,
    });
    expect(it.counted.records).toBe(0);
  });

  test("records of as much as the stream's own limit allows, once that is raised", async () => {
    await it.call("UpdateMaxRecordSize", { StreamName: "s", MaxRecordSizeInKiB: 10_240 });
    expect(await put([{ bytes: 10 * MEBIBYTE - 1 }])).toMatchObject({ FailedRecordCount: 0 });
    await expect(put([{ bytes: 10 * MEBIBYTE + 1 }])).rejects.toMatchObject({ code: "constraint-violated" });
    await it.call("UpdateMaxRecordSize", { StreamName: "s", MaxRecordSizeInKiB: 2048 });
    await expect(put([{ bytes: 2 * MEBIBYTE }])).rejects.toMatchObject({
      message: expect.stringContaining("less than or equal to 2097152") as string,
    });
  });

  test("all that is wrong with its entries is told at once", async () => {
    const Records = [
      { Data: base64("a"), PartitionKey: "" },
      { PartitionKey: "k", ExplicitHashKey: "-1" },
    ];
    await expect(it.call("PutRecords", { StreamName: "s", Records })).rejects.toMatchObject({
      message:
        "3 validation errors detected: " +
        "Value '' at 'records.1.member.partitionKey' failed to satisfy constraint: " +
        "Member must have length greater than or equal to 1; " +
        "Value '-1' at 'records.2.member.explicitHashKey' failed to satisfy constraint: " +
        "Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38}); " +
        "Value null at 'records.2.member.data' failed to satisfy constraint: Member must not be null",
    });
  });

  test("nothing is stored or read where the client only asks whether it would be", async () => {
    await it.put("s", "one");
    const ShardIterator = await it.iterator("s", { ShardIteratorType: "TRIM_HORIZON" });
    const record = { Data: base64("x"), PartitionKey: "k" };
    const StreamName = "s";
    for (const [name, input] of [
      ["PutRecords", { StreamName, Records: [record] }],
      ["PutRecord", { StreamName, ...record }],
      ["GetRecords", { ShardIterator }],
      ["GetShardIterator", { StreamName, ShardId: "shardId-000000000000", ShardIteratorType: "LATEST" }],
    ] as const) {
      await expect(it.call(name, { ...input, DryRun: true })).rejects.toMatchObject({ code: "dry-run" });
    }
    await expect(it.call("PutRecord", { StreamName: "none", ...record, DryRun: true })).rejects.toMatchObject({
      code: "stream-not-found",
    });
    expect(texts(await it.call("GetRecords", { ShardIterator }))).toEqual(["one"]);
  });

  test("hash keys below 2^128", async () => {
    await expect(put([{ hashKey: String(2n ** 128n) }])).rejects.toThrow("Invalid ExplicitHashKey.");
  });
});

describe("over the limits", () => {
  beforeEach(async () => {
    it = await start(true);
  });

  test("what is larger than a second's worth goes when nothing else went, and is paid off before the next", async () => {
    await it.call("UpdateMaxRecordSize", { StreamName: "s", MaxRecordSizeInKiB: 4096 });
    expect(await put([{ bytes: 3 * MEBIBYTE }, { bytes: 1 }])).toMatchObject({ FailedRecordCount: 1 });
    it.clock.advance(1_900);
    expect(await put([{ bytes: 1 }])).toMatchObject({ FailedRecordCount: 1 });
    it.clock.advance(200);
    expect(await put([{ bytes: 1 }])).toMatchObject({ FailedRecordCount: 0 });
  });

  test("each entry is judged by itself: what fits is stored, the neighbour shard is untouched", async () => {
    const answer = await put([{ bytes: MEBIBYTE - 10 }, { bytes: 100 }, { bytes: 1 }, { hashKey: SECOND_SHARD }]);
    expect(outcomes(answer)).toEqual(["0", THROTTLED, "0", "1"]);
    expect(answer).toMatchObject({ FailedRecordCount: 1 });
    expect(answer["Records"]).toMatchObject([
      {},
      { ErrorMessage: "Rate exceeded for shard shardId-000000000000 in stream s under account 000000000000." },
      {},
      {},
    ]);
    expect(it.counted).toMatchObject({ records: 3, refused: ["throughput-exceeded"] });
  });

  test("with the producer header, the first rejection takes the rest of its shard along, and no other", async () => {
    const records = [{ bytes: MEBIBYTE - 10 }, { bytes: 100 }, { hashKey: SECOND_SHARD }, { bytes: 1 }];
    const first = await put(records, request(1));
    expect(outcomes(first)).toEqual(["0", THROTTLED, "1", THROTTLED]);
    it.clock.advance(1000);
    const again = await put(records, request(1));
    expect(outcomes(again)).toEqual(["0", "0", "1", "0"]);
    const [one, , three] = first["Records"] as unknown[];
    expect(again["Records"]).toMatchObject([one, {}, three, {}]);
    it.clock.advance(1000);
    const third = await put(records, request(1));
    expect(third).toEqual(again);
    const ShardIterator = await it.iterator("s", { ShardIteratorType: "TRIM_HORIZON" });
    const sizes = texts(await it.call("GetRecords", { ShardIterator })).map(({ length }) => length);
    expect(sizes).toEqual([MEBIBYTE - 10, 100, 1]);
  });
});

test("a failing disk fails the entries, not the call, without saying why to strangers", async () => {
  it = await TestService.start();
  services.push(it);
  await it.createStream("s");
  it.log.failure = "disk-full";
  const answer = await put([{}]);
  expect(answer).toMatchObject({
    FailedRecordCount: 1,
    Records: [{ ErrorCode: "InternalFailure", ErrorMessage: "Internal service failure." }],
  });
  expect(it.counted.refused).toEqual(["disk-full"]);
});
