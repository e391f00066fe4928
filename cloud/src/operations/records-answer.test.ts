import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import { encodeCbor } from "../codec/cbor.js";
import { encodeJson } from "../codec/json.js";
import { type FramePage, pageOf, SlabPool } from "@headwater/log";
import { sequenceNumbersOf } from "@headwater/protocol";
import { RequestMemory } from "../request-memory.js";
import { RecordBatch } from "../streams/record-batch.js";
import { dataBytes, RecordsAnswer } from "./records-answer.js";

const memory = new RequestMemory(new SlabPool(0));
const ARRIVAL_MS = 1_763_743_623_120;

/** A page of records that arrived two by two. */
function pageOfRecords(records: readonly TestRecord[], position: number, arrivalMs: number, step: number): FramePage {
  const batch = RecordBatch.of(
    records.map(({ explicitHashKey, ...rest }) =>
      explicitHashKey === undefined ? rest : { ...rest, explicitHashKey },
    ),
  );
  const frames = records.map((_, i) => ({
    position: position + i * step,
    arrivalMs: arrivalMs + (i >> 1),
    data: batch.stored(i),
  }));
  return pageOf({ frames, next: position + records.length * step });
}

type Rest = ConstructorParameters<typeof RecordsAnswer>[2];

interface TestRecord {
  readonly partitionKey: string;
  readonly explicitHashKey: bigint | undefined;
  readonly data: Buffer;
}

interface Both {
  readonly quick: readonly string[];
  readonly long: readonly string[];
}

/** As JSON and as CBOR, by the quick way and by the long one. */
function bothWays(page: FramePage, rest: Rest = { MillisBehindLatest: 0 }, shardEpoch = 2): Both {
  const answer = new RecordsAnswer({ sequenceNumber: sequenceNumbersOf(shardEpoch) }, page, rest);
  return {
    quick: [Buffer.concat(answer.toJson(memory)).toString(), Buffer.concat(answer.toCbor(memory)).toString("latin1")],
    long: [encodeJson(answer.toValues()), Buffer.from(encodeCbor(answer.toValues())).toString("latin1")],
  };
}

const record = fc.record({
  partitionKey: fc.oneof(
    { weight: 4, arbitrary: fc.string({ minLength: 1 }) },
    fc.string({ minLength: 1, maxLength: 256, unit: "binary" }),
    fc.constant('\0\x1f"\\\u2028é€😀\x7f'.repeat(20)),
    fc.constant("k".repeat(256)),
  ),
  explicitHashKey: fc.option(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), { nil: undefined }),
  data: fc
    .oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 3000 }))
    .map((bytes) => Buffer.from(bytes)),
});

test("what it writes as JSON and as CBOR is what its values are", () =>
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 8 }),
      fc.oneof(
        fc.nat(2000),
        fc.maxSafeNat().map((n) => n - (n % 10)),
      ),
      fc.oneof(fc.nat(), fc.nat(2000), fc.constant(ARRIVAL_MS), fc.maxSafeNat()),
      fc.constantFrom(1, 1, 1000),
      fc.nat(9_999_999_999),
      fc.string(),
      (records, position, arrivalMs, step, shardEpoch, NextShardIterator) => {
        const page = pageOfRecords(records, Math.min(position, 2 ** 52), Math.min(arrivalMs, 2 ** 52), step);
        const rest = { NextShardIterator, ChildShards: [], MillisBehindLatest: 7 };
        const { quick, long } = bothWays(page, rest, shardEpoch);
        expect(quick).toEqual(long);
        expect(dataBytes(page)).toBe(records.reduce((sum, { data }) => sum + data.length, 0));
      },
    ),
    { numRuns: 400 },
  ));

test.each([
  ["of every length up to three blocks of base64", Array.from({ length: 150 }, (_, i) => i)],
  ["more than the kernel takes at once", Array.from({ length: 700 }, (_, i) => (i % 7) * 300)],
  ["so many that its table is full", Array.from({ length: 5000 }, () => 0)],
  ["up to the longest record", [100, 131_000, 131_072, 10 << 20, 5]],
  ["that fill parts of base64, more or less", [131_069, 131_070, 131_071, 131_072, 262_139, 262_140, 262_141, 393_210]],
])("records %s", (_, lengths) => {
  const records = lengths.map((length, i) => ({
    partitionKey: i % 50 === 3 ? "ключ" : `key-${i}`,
    explicitHashKey: undefined,
    data: Buffer.alloc(length, `${i}ÿ\0 some bytes ${i * 7919}`),
  }));
  const { quick, long } = bothWays(pageOfRecords(records, 995, ARRIVAL_MS, 1));
  // Not compared by the matcher: it would take megabytes apart.
  expect(quick.map((form, i) => form === long[i])).toEqual([true, true]);
});

test("data of a long record is made no text, which takes four times as long", () => {
  const records = [{ partitionKey: "k", explicitHashKey: undefined, data: Buffer.alloc(300_000) }];
  const page = pageOfRecords(records, 0, ARRIVAL_MS, 1);
  const toText = vi.spyOn(Buffer.prototype, "toString");
  try {
    new RecordsAnswer({ sequenceNumber: sequenceNumbersOf(1) }, page, {}).toJson(memory);
    expect(toText.mock.calls.filter(([encoding]) => encoding === "base64")).toEqual([]);
  } finally {
    toText.mockRestore();
  }
});

test.each([
  ["one of 1 KiB, as most pushes are", 1, 1024],
  ["one without data", 1, 0],
  ["one as long as an event holds", 1, 250_000],
  ["many short ones", 1000, 10],
  ["hundreds of 1 KiB", 250, 1024],
])("an answer of records, %s, takes little more memory than it is long", (_, count, dataBytesEach) => {
  const records = Array.from({ length: count }, (__, i) => ({
    partitionKey: `key-${i}`,
    explicitHashKey: undefined,
    data: Buffer.alloc(dataBytesEach, i),
  }));
  const page = pageOfRecords(records, 2 ** 40, ARRIVAL_MS, 1);
  const rest = { ContinuationSequenceNumber: "4".repeat(56), MillisBehindLatest: 12_345 };
  const answer = new RecordsAnswer({ sequenceNumber: sequenceNumbersOf(999_999) }, page, rest);
  for (const pieces of [answer.toJson(), answer.toCbor()]) {
    expect(pieces).toHaveLength(1);
    const [{ length, buffer }] = pieces as [Buffer];
    // Small ones share a piece of Node's own.
    expect(buffer.byteLength).toBeLessThan(Math.max(Buffer.poolSize, 1.6 * length) + 1);
  }
});

test.each(["é", "日本", "😀".repeat(64), "\u2028\ufeff\x7f"])(
  "a key such as %j costs no value for each record",
  (partitionKey) => {
    const one = { partitionKey, explicitHashKey: undefined, data: Buffer.from("data") };
    const page = pageOfRecords([one, one, one], 1, ARRIVAL_MS, 1);
    let asked = 0;
    const numberOf = sequenceNumbersOf(1);
    const sequenceNumber = (position: number): string => {
      asked += 1;
      return numberOf(position);
    };
    const answer = new RecordsAnswer({ sequenceNumber }, page, {});
    answer.toJson(memory);
    answer.toCbor(memory);
    expect(asked).toBe(2);
  },
);

test("of keys that become six times as long, no more are written at once than there is room for", () => {
  const data = Buffer.alloc(0);
  for (const escaped of [300, 360, 366, 368, 370, 372, 380]) {
    const keys = Array.from({ length: 600 }, (_, i) => (i < escaped ? "\x01" : "k").repeat(256));
    const records = keys.map((partitionKey) => ({ partitionKey, explicitHashKey: undefined, data }));
    const { quick, long } = bothWays(pageOfRecords(records, 0, ARRIVAL_MS, 1));
    expect(quick).toEqual(long);
  }
});

test("an answer that is longer than expected takes as much memory again, not a megabyte", () => {
  const page = pageOfRecords(
    [{ partitionKey: "\u2028\0".repeat(128), explicitHashKey: undefined, data: Buffer.alloc(9000) }],
    0,
    ARRIVAL_MS,
    1,
  );
  const pieces = new RecordsAnswer({ sequenceNumber: sequenceNumbersOf(1) }, page, {}).toJson();
  expect(pieces.length).toBeGreaterThan(1);
  for (const { buffer } of pieces) expect(buffer.byteLength).toBeLessThan(32_000);
});

test("a stored record that is none of ours is an error, however it is written", () => {
  const stored = [Buffer.from([2, 0, 0, 1, 0x6b]), Buffer.from([1, 0, 0, 9, 0x6b]), Buffer.from([1, 1, 0, 1, 0x6b])];
  for (const data of stored) {
    const answer = new RecordsAnswer(
      { sequenceNumber: sequenceNumbersOf(1) },
      pageOf({ frames: [{ position: 0, arrivalMs: 0, data }], next: 1 }),
      {},
    );
    expect(() => answer.toJson(memory)).toThrow(RangeError);
    expect(() => answer.toCbor(memory)).toThrow(RangeError);
    expect(() => answer.toValues()).toThrow(RangeError);
  }
});
