import { expect, test } from "vitest";
import { encodeRecordHead } from "../streams/stored-record.js";
import { LiveTail, type ShardView } from "./live-tail.js";

test("opens a little back, then shows each record once, in the order of arrival over all shards", async () => {
  const [one, two] = [new FilledShard("one"), new FilledShard("two")];
  one.add(1000, 1);
  two.add(2, 2);
  const tail = new LiveTail(() => [one, two]);
  const first = await tail.poll();
  expect(first.skipped).toBe(0);
  expect(first.records.filter(({ shardId }) => shardId === "one")).toHaveLength(200);
  expect(first.records.at(-1)?.shardId).toBe("two");
  expect(await tail.poll()).toEqual({ records: [], skipped: 0 });
  one.add(1, 3);
  expect((await tail.poll()).records.map(({ sequenceNumber }) => sequenceNumber)).toEqual(["1000"]);
});

test("what comes faster than it looks is passed over and counted, exactly", async () => {
  const shard = new FilledShard("busy");
  const tail = new LiveTail(() => [shard]);
  await tail.poll();
  let [shown, skipped] = [0, 0];
  for (const count of [10, 5000, 0, 70]) {
    shard.add(count, 1);
    const batch = await tail.poll();
    shown += batch.records.length;
    skipped += batch.skipped;
    expect(batch.records.length).toBeLessThanOrEqual(50);
  }
  expect(shown + skipped).toBe(5080);
});

test("one look reads a bounded number of bytes, and no shard is starved by that", async () => {
  const shards = ["a", "b", "c"].map((name) => new FilledShard(name, 600 * 1024));
  const tail = new LiveTail(() => shards);
  await tail.poll();
  const seen = new Set<string>();
  for (let look = 0; look < 6; look++) {
    for (const shard of shards) shard.add(2, look);
    const { records } = await tail.poll();
    expect(records.length).toBeLessThanOrEqual(2);
    for (const { shardId } of records) seen.add(shardId);
  }
  expect([...seen].sort()).toEqual(["a", "b", "c"]);
});

test("shards that get nothing, such as closed ones, take no share from those that do", async () => {
  const quiet = Array.from({ length: 100 }, (_, i) => new FilledShard(`quiet-${i}`));
  for (const shard of quiet) shard.add(1, 0);
  const busy = new FilledShard("busy");
  const tail = new LiveTail(() => [...quiet, busy]);
  expect((await tail.poll()).records).toHaveLength(100);
  busy.add(40, 1);
  expect(await tail.poll()).toMatchObject({ records: { length: 40 }, skipped: 0 });
  quiet[0]?.add(1, 2);
  expect((await tail.poll()).records.map(({ shardId }) => shardId)).toEqual(["quiet-0"]);
});

test("a shard that is another one now begins anew, and one that is gone is forgotten", async () => {
  let shards = [new FilledShard("old")];
  shards[0]?.add(3, 1);
  const tail = new LiveTail(() => shards);
  expect((await tail.poll()).records).toHaveLength(3);
  shards = [new FilledShard("old")];
  shards[0]?.add(2, 2);
  expect((await tail.poll()).records).toHaveLength(2);
  shards = [];
  expect(await tail.poll()).toEqual({ records: [], skipped: 0 });
});

/** Keeps arrivals only: each record has the same data. As the log does, it reads at least one frame. */
class FilledShard implements ShardView {
  readonly #arrivals: number[] = [];
  readonly #data: Buffer;

  constructor(
    readonly shardId: string,
    bytes = 10,
  ) {
    this.#data = Buffer.concat([encodeRecordHead("key", undefined), Buffer.alloc(bytes, "x")]);
  }

  add(count: number, arrivalMs: number): void {
    for (let i = 0; i < count; i++) this.#arrivals.push(arrivalMs);
  }

  bounds(): ReturnType<ShardView["bounds"]> {
    const next = this.#arrivals.length;
    return { first: 0, next, bytes: 0, oldestArrivalMs: undefined, lastArrivalMs: undefined };
  }

  async read(position: number, limits: Parameters<ShardView["read"]>[1]): ReturnType<ShardView["read"]> {
    const count = Math.max(1, Math.min(limits.frames, Math.floor(limits.bytes / this.#data.length)));
    const arrivals = this.#arrivals.slice(position, position + count);
    return {
      frames: arrivals.map((arrivalMs, i) => ({ position: position + i, arrivalMs, data: this.#data })),
      next: position + arrivals.length,
    };
  }

  sequenceNumber(position: number): string {
    return String(position);
  }
}
