import { SlabPool } from "@headwater/log";
import { sequenceNumbersOf } from "@headwater/protocol";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { CloudError } from "../cloud-error.js";
import { encodeJson } from "../codec/json.js";
import { RequestMemory } from "../request-memory.js";
import { PutResults } from "../streams/put-results.js";
import { formatShardId } from "../streams/shard-id.js";
import { type PutOutcome, type ShardOwner, StoredEarlier } from "../streams/shard-owner.js";
import { PutRecordsAnswer } from "./put-records-answer.js";

const memory = new RequestMemory(new SlabPool(1 << 20));

function owner(number: number, epoch: number): ShardOwner {
  return { shardId: formatShardId(number), sequenceNumber: sequenceNumbersOf(epoch) } as unknown as ShardOwner;
}

const shards = [owner(0, 1), owner(7, 9_999_999_999), owner(123_456, 42)];
const throttled = new CloudError("throughput-exceeded", 'Rate exceeded for "shard" ümlaut.');
const outcome: fc.Arbitrary<PutOutcome> = fc.oneof(
  { weight: 4, arbitrary: fc.maxSafeNat() },
  { weight: 2, arbitrary: fc.nat(1000) },
  { weight: 1, arbitrary: fc.constantFrom(0, 9, 10, 2 ** 31, Number.MAX_SAFE_INTEGER) },
  { weight: 1, arbitrary: fc.constantFrom(throttled, new CloudError("disk-full", "")) },
  { weight: 1, arbitrary: fc.nat(9).map((n) => new StoredEarlier(formatShardId(n), sequenceNumbersOf(n)(n))) },
);

test("the text that is written as bytes is the values' JSON, whatever became of the records", () =>
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(shards.length - 1), outcome), { minLength: 1, maxLength: 20 }),
      fc.constantFrom({}, { EncryptionType: "KMS" }),
      (records, rest) => {
        const results = new PutResults(records.length);
        for (const [n, shard] of shards.entries()) {
          const indexes = [...records.keys()].filter((i) => records[i]![0] === n);
          results.set(
            shard,
            indexes,
            indexes.map((i) => records[i]![1]),
          );
        }
        const answer = new PutRecordsAnswer(results, 3, rest);
        expect(Buffer.concat(answer.toJson(memory)).toString()).toBe(encodeJson(answer.toValues()));
      },
    ),
  ));
