import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Log, nodeDisk, openLog } from "@headwater/log";
import { ManualClock } from "@headwater/log/testing";
import type { ProducerRequest } from "@headwater/protocol";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MemoryLog } from "../testing/memory-log.js";
import { putOutcomes } from "../testing/put-outcomes.js";
import { storedShard } from "../testing/stored-shard.js";
import { RecentRecords } from "./recent-records.js";
import { RecordBatch } from "./record-batch.js";
import { type PutOutcome, ShardOwner } from "./shard-owner.js";

const LOG_NAME = "streams/s/0";
const clock = new ManualClock();

function ownerOn(log: Log): ShardOwner {
  return new ShardOwner({
    log,
    clock,
    shard: storedShard({ logName: LOG_NAME }),
    parents: [],
    place: "shard",
    path: "0/s/shard",
    limited: false,
    recent: new RecentRecords(),
    onSaveFailed: (error) => {
      throw error;
    },
  });
}

/** Puts the entries of these numbers. */
function put(shard: ShardOwner, indexes: readonly number[], producer: ProducerRequest): Promise<readonly PutOutcome[]> {
  const whole = Array.from({ length: 5 }, (_, index) => ({ partitionKey: "k", data: Buffer.from([index]) }));
  return putOutcomes(shard, RecordBatch.of(whole), indexes, producer);
}

function request(number: number, producer = "gateway"): ProducerRequest {
  return { producer, spoolId: "00000000-0000-4000-8000-000000000000", request: number };
}

async function storedFrames(log: Log): Promise<number> {
  return (await log.read(LOG_NAME, 0, { frames: 10_000, bytes: 1 << 30 })).frames.length;
}

describe("on the real log, from what was on the disk at one moment", () => {
  let directory: string;
  const logs: Log[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "headwater-cloud-"));
  });
  afterEach(async () => {
    await Promise.all(logs.splice(0).map((log) => log.close()));
    await rm(directory, { recursive: true });
  });

  async function open(name: string): Promise<Log> {
    const log = await openLog({ directory: join(directory, name), disk: nodeDisk(), clock });
    logs.push(log);
    return log;
  }

  /** The log as a process finds it that starts after the one before died right now. */
  async function afterCrash(name: string): Promise<Log> {
    await cp(join(directory, "live"), join(directory, name), { recursive: true });
    return open(name);
  }

  test("between an append and the next stored sets, repeats are known by the frames", async () => {
    const live = await open("live");
    await live.createShards([LOG_NAME]);
    const shard = ownerOn(live);
    const first = await put(shard, [0, 1], request(1));
    await shard.close(); // stores the sets
    const later = await put(ownerOn(live), [0, 2], request(2)); // only frames say so
    const log = await afterCrash("crashed");
    const again = ownerOn(log);
    expect(await put(again, [0, 1], request(1))).toEqual(first);
    expect(await put(again, [0, 2], request(2))).toEqual(later);
    expect(await storedFrames(log)).toBe(4);
  });

  test("before any sets were stored, and after the next ones were", async () => {
    const live = await open("live");
    await live.createShards([LOG_NAME]);
    const shard = ownerOn(live);
    const first = await put(shard, [0, 1, 2], request(1));
    const early = ownerOn(await afterCrash("early"));
    expect(await put(early, [0, 1, 2], request(1))).toEqual(first);
    await shard.close();
    const late = ownerOn(await afterCrash("late"));
    expect(await put(late, [0, 1, 2], request(1))).toEqual(first);
  });

  test("of a request that was stored in part, the rest is stored by the repeat, once", async () => {
    const live = await open("live");
    await live.createShards([LOG_NAME]);
    const [one, three] = await put(ownerOn(live), [1, 3], request(1));
    const log = await afterCrash("crashed");
    const whole = await put(ownerOn(log), [0, 1, 2, 3], request(1));
    expect([whole[1], whole[3]]).toEqual([one, three]);
    const crashedAgain = ownerOn(log);
    expect(await put(crashedAgain, [0, 1, 2, 3], request(1))).toEqual(whole);
    expect(await storedFrames(log)).toBe(4);
  });
});

type Step =
  | { do: "put"; producer: string; number: number; indexes: number[] }
  | { do: "crash" | "stop" | "trim" | "fail to save" };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("put" as const),
      producer: fc.constantFrom("a", "b"),
      number: fc.nat(5),
      indexes: fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 5 }),
    }),
  },
  fc.record({ do: fc.constantFrom("crash" as const, "stop" as const, "trim" as const, "fail to save" as const) }),
);

// docs/design/producers-and-repeats.md, invariants 1 and 2
test("whatever crashes, stops, is trimmed or cannot be saved, each entry is stored once and has one answer", () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const log = new MemoryLog(clock);
      await log.createShards([LOG_NAME]);
      let shard = ownerOn(log);
      const answers = new Map<string, Set<PutOutcome | undefined>>();
      for (const one of steps) {
        if (one.do === "put") {
          const outcomes = await put(shard, one.indexes, request(one.number, one.producer));
          for (const [i, index] of one.indexes.entries()) {
            const key = `${one.producer}/${one.number}/${index}`;
            answers.set(key, (answers.get(key) ?? new Set()).add(outcomes[i]));
          }
        } else if (one.do === "trim") {
          clock.advance(1000);
          await shard.trimOlderThan(clock.now());
        } else {
          log.failure = one.do === "fail to save" ? "disk-full" : undefined;
          if (one.do !== "crash") await shard.close().catch(() => undefined);
          log.failure = undefined;
          shard = ownerOn(log);
        }
      }
      const all = [...answers.values()].flatMap((given) => [...given]);
      expect(all).toHaveLength(answers.size); // never two answers for one entry
      expect(new Set(all).size).toBe(answers.size); // never one answer for two
      expect(log.appended).toBe(answers.size);
    }),
    { numRuns: 300 },
  ));
