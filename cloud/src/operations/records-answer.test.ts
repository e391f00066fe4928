import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeJson } from "../codec/json.js";
import { SlabPool } from "@headwater/log";
import { RequestMemory } from "../request-memory.js";
import type { ShardOwner } from "../streams/shard-owner.js";
import { RecordBatch } from "../streams/record-batch.js";
import { RecordsAnswer } from "./records-answer.js";

const memory = new RequestMemory(new SlabPool(0));
const shard = { sequenceNumber: (position: number) => `49${position}` } as ShardOwner;
const record = fc.record({
  partitionKey: fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constant('\0\x1f"\\\u2028é€😀'.repeat(20))),
  explicitHashKey: fc.option(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), { nil: undefined }),
  data: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
});

test("what it writes as JSON is what its values are", () =>
  fc.assert(
    fc.property(fc.array(record, { maxLength: 5 }), fc.nat(), fc.string(), (records, arrivalMs, NextShardIterator) => {
      const batch = RecordBatch.of(
        records.map(({ explicitHashKey, ...rest }) =>
          explicitHashKey === undefined ? rest : { ...rest, explicitHashKey },
        ),
      );
      const frames = records.map((_, i) => ({
        position: i * 1000,
        arrivalMs: arrivalMs + (i >> 1),
        data: batch.stored(i),
      }));
      const answer = new RecordsAnswer(shard, frames, { NextShardIterator, ChildShards: [], MillisBehindLatest: 7 });
      expect(answer.toJson(memory).toString()).toBe(encodeJson(answer.toValues()));
    }),
    { numRuns: 300 },
  ));
