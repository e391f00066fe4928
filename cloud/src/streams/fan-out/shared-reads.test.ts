import type { ReadResult, ShardBounds, StoredFrame } from "@headwater/log";
import { beforeEach, describe, expect, test } from "vitest";
import { SharedReads } from "./shared-reads.js";

const RECORD_BYTES = 1000;

/** A shard that counts how often its log is read, and fills pages of 100 records. */
class CountedShard {
  readonly logName: string;
  reads = 0;
  next = 0;
  failure: Error | undefined;

  constructor(logName = "a") {
    this.logName = logName;
  }

  async read(position: number): Promise<ReadResult> {
    this.reads += 1;
    const next = Math.min(position + 100, this.next);
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    const frames: StoredFrame[] = [];
    for (let at = position; at < next; at++)
      frames.push({ position: at, arrivalMs: 0, data: Buffer.alloc(RECORD_BYTES) });
    return { frames, next };
  }

  bounds(): ShardBounds {
    return { first: 0, next: this.next, bytes: 0, oldestArrivalMs: 0, lastArrivalMs: 0 };
  }
}

let shard: CountedShard;
let reads: SharedReads;

beforeEach(() => {
  shard = new CountedShard();
  reads = new SharedReads();
});

const positions = ({ frames }: ReadResult): number[] => frames.map(({ position }) => position);

test("a thousand that stand at the same place share one read, and so do those that come later", async () => {
  shard.next = 3;
  const results = await Promise.all(Array.from({ length: 1000 }, () => reads.read(shard, 1)));
  expect(new Set(results).size).toBe(1);
  expect(positions(results[0]!)).toEqual([1, 2]);
  expect(await reads.read(shard, 1)).toBe(results[0]);
  expect(shard.reads).toBe(1);
});

test("who comes when the shard has grown gets all of it, not what little another got", async () => {
  shard.next = 1;
  expect(positions(await reads.read(shard, 0))).toEqual([0]);
  shard.next = 3;
  expect(positions(await reads.read(shard, 0))).toEqual([0, 1, 2]);
  expect(shard.reads).toBe(2);
});

test("a full page stays good however the shard grows", async () => {
  shard.next = 250;
  const first = await reads.read(shard, 0);
  shard.next = 1000;
  expect(await reads.read(shard, 0)).toBe(first);
});

test("shards are not mixed up", async () => {
  const other = new CountedShard("b");
  shard.next = 1;
  other.next = 1;
  expect(await reads.read(shard, 0)).not.toBe(await reads.read(other, 0));
});

describe("what is kept", () => {
  test("is bounded in bytes: what was used longest ago goes", async () => {
    reads = new SharedReads(250 * (RECORD_BYTES + 200));
    shard.next = 10_000;
    await reads.read(shard, 0);
    await reads.read(shard, 100);
    await reads.read(shard, 0);
    await reads.read(shard, 200);
    expect(shard.reads).toBe(3);
    await reads.read(shard, 0);
    expect(shard.reads).toBe(3);
    await reads.read(shard, 100);
    expect(shard.reads).toBe(4);
  });

  test("is no failure", async () => {
    shard.next = 1;
    shard.failure = new Error("the disk");
    await expect(Promise.all([reads.read(shard, 0), reads.read(shard, 0)])).rejects.toThrow("the disk");
    shard.failure = undefined;
    expect(positions(await reads.read(shard, 0))).toEqual([0]);
  });
});
