import { ManualClock } from "@headwater/log/testing";
import { HASH_KEY_MAX } from "@headwater/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { Fate } from "../testing/fate.js";
import { expectedValues, KeyedWriter, valuesByKey } from "../testing/keyed-writers.js";
import { MemoryCatalog } from "../testing/memory-catalog.js";
import { MemoryLog } from "../testing/memory-log.js";
import { RecordBatch } from "./record-batch.js";
import type { ShardOwner } from "./shard-owner.js";
import { planMerge, type PlannedShard, planShardCount, planSplit, type ShardPlan } from "./shard-plan.js";
import { StreamService } from "./stream-service.js";
import type { StreamState } from "./stream-state.js";

const NEVER = new Fate(-1, "before", false);
const KEYS = ["a", "b", "c", "d", "e", "f", "g", "h"];

class Fixture {
  readonly clock = new ManualClock();
  readonly log = new MemoryLog(this.clock);
  readonly catalog = new MemoryCatalog();
  readonly reports: string[] = [];
  readonly #opened: StreamService[] = [];

  async open(fate = NEVER): Promise<StreamService> {
    const service = await StreamService.open(fate.over(this.catalog, ["addShards", "reshard", "removeShards"]), {
      log: fate.over(this.log, ["createShards", "putState", "deleteShard"]),
      clock: this.clock,
      accountId: "000000000000",
      region: "us-east-1",
      limited: false,
      report: (message) => this.reports.push(message),
    });
    this.#opened.push(service);
    return service;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#opened.map((service) => service.close()));
  }
}

let it: Fixture;
afterEach(() => it.close());

async function start(shardCount: number, fate?: Fate): Promise<StreamService> {
  it = new Fixture();
  const service = await it.open();
  await service.createStream({ name: "s", shardCount, mode: "PROVISIONED", tags: {} });
  return fate === undefined ? service : it.open(fate);
}

function to(count: number): (stream: StreamState) => Promise<ShardPlan> {
  return (stream) => planShardCount(plannedOf(stream), count, stream.nextShardNumber);
}

function plannedOf({ openShards }: StreamState): PlannedShard[] {
  return openShards.map((shard) => shard.planned);
}

const halve = (stream: StreamState): ShardPlan => planSplit(plannedOf(stream)[0]!, 1n << 127n);
const merge = (stream: StreamState): ShardPlan => planMerge(plannedOf(stream)[0]!, plannedOf(stream)[1]!);

function numbers(shards: readonly { readonly shardNumber: number }[]): number[] {
  return shards.map(({ shardNumber }) => shardNumber);
}

/** Counts a call by how many there were before. */
const note = (timesMs: readonly number[]): readonly number[] => [...timesMs, timesMs.length];

async function counted(service: StreamService): Promise<readonly number[]> {
  let known: readonly number[] = [];
  await service.reshard("s", to(1), (timesMs) => (known = timesMs));
  return known;
}

/** Records of ten bytes with their partition key, by hash key. */
function batch(...hashKeys: (string | bigint)[]): RecordBatch {
  return RecordBatch.of(
    hashKeys.map((key) => ({ partitionKey: "k", explicitHashKey: BigInt(key), data: Buffer.alloc(9) })),
  );
}

/** Puts a record into the shard that is not synced, and holds up a reshard, until what this answers is called. */
async function holdAppends(service: StreamService, shard: ShardOwner): Promise<() => void> {
  const sync = new AbortController();
  it.log.delay = new Promise((resolve) => sync.signal.addEventListener("abort", () => resolve()));
  void service.putRecords("s", batch(shard.startingHashKey));
  await expect.poll(() => shard.bounds().next).toBe(1);
  return () => sync.abort();
}

describe("what a reshard leaves", () => {
  test("a split: the parent closed, two children, each with its part of the keys", async () => {
    const service = await start(1);
    const writer = new KeyedWriter("w", KEYS);
    await writer.write(service, "s");
    it.clock.advance(5);
    await service.reshard("s", halve);
    const [parent, left, right] = service.shards("s");
    expect(parent).toMatchObject({ parents: [], closedMs: it.clock.now() });
    expect(parent?.endingSequenceNumber).toBe(service.find("s").shards[0]?.sequenceNumber(KEYS.length));
    expect(left).toMatchObject({ parents: [parent?.shardId], closedMs: undefined, startingHashKey: 0n });
    expect(right).toMatchObject({ startingHashKey: 1n << 127n, endingHashKey: HASH_KEY_MAX, openedMs: it.clock.now() });
    expect(service.describe("s")).toMatchObject({ status: "ACTIVE", shardCount: 2 });
  });

  test("numbers rise from parents to children", async () => {
    const service = await start(2);
    await service.reshard("s", merge);
    const [left, right, child] = service.shards("s");
    for (const parent of [left, right]) {
      expect((child?.startingSequenceNumber ?? "") > (parent?.endingSequenceNumber ?? "x")).toBe(true);
    }
  });

  test.each([4, 600])(
    "of %i, shards in between are closed at once and empty, and the catalog tells the same after a restart",
    async (count) => {
      const service = await start(1);
      await service.reshard("s", to(count));
      const before = service.shards("s");
      expect(before.filter(({ closedMs }) => closedMs === undefined)).toHaveLength(count);
      expect(before).toHaveLength(2 * count - 1);
      expect((await it.open()).shards("s")).toEqual(before);
    },
  );

  test("what it takes of the account's shards is what stays open", async () => {
    const service = await start(1);
    await service.createStream({ name: "big", shardCount: 19_997, mode: "PROVISIONED", tags: {} });
    await expect(service.reshard("s", to(4), note)).rejects.toMatchObject({
      code: "limit-exceeded",
      message: expect.stringContaining("additional shards that would have resulted from this request: 3.") as string,
    });
    await service.reshard("s", to(3));
    expect(await counted(service)).toEqual([]); // and leaves more closed ones, which do not count either
    await service.reshard("s", to(3));
  });
});

describe("what counts UpdateShardCount's calls", () => {
  test("is known after a restart, also where nothing had to change or the reshard failed", async () => {
    const service = await start(1);
    await service.reshard("s", to(2), note);
    await service.reshard("s", to(2), note);
    it.catalog.failAt = "addShards";
    await expect(service.reshard("s", to(3), note)).rejects.toThrow("power cut");
    it.catalog.failAt = undefined;
    expect(await counted(await it.open())).toEqual([0, 1, 2]);
  });

  test("is stored before a shard changes", async () => {
    const service = await start(1);
    it.catalog.failAt = "setShardCountUpdates";
    await expect(service.reshard("s", to(2), note)).rejects.toThrow("power cut");
    it.catalog.failAt = undefined;
    expect(service.describe("s")).toMatchObject({ shardCount: 1, status: "ACTIVE" });
    expect(await counted(service)).toEqual([]);
  });
});

describe("while it is under way", () => {
  test("the stream is UPDATING, and another reshard is refused; then it is ACTIVE", async () => {
    const service = await start(1);
    const resharding = service.reshard("s", halve);
    await expect.poll(() => service.describe("s").status).toBe("UPDATING");
    await expect(service.reshard("s", halve)).rejects.toMatchObject({ code: "stream-busy" });
    await resharding;
    await service.reshard("s", merge);
  });

  test("puts wait for the children, after those that the parent was about to store", async () => {
    const service = await start(1);
    const [parent] = service.find("s").shards;
    const writers = ["early", "late"].map((name) => new KeyedWriter(name, [name]));
    const [early, late] = writers as [KeyedWriter, KeyedWriter];
    const sync = new AbortController();
    it.log.delay = new Promise((resolve) => sync.signal.addEventListener("abort", () => resolve()));
    const earlyPut = early.write(service, "s");
    const resharding = service.reshard("s", halve);
    await expect.poll(() => parent?.gate.isShut).toBe(true);
    const latePut = late.write(service, "s");
    expect(service.shards("s")).toHaveLength(1);
    sync.abort();
    await resharding;
    expect(await earlyPut).toEqual([expect.stringMatching(/^shardId-0{12} /)]);
    expect(await latePut).toEqual([expect.stringMatching(/^shardId-0{11}[12] /)]);
    expect(parent?.bounds().next).toBe(1);
  });

  test("a put whose client leaves stops waiting: what waited is not stored, the rest is", async () => {
    const service = await start(2);
    const [left, right] = service.find("s").shards;
    if (left === undefined || right === undefined) throw new RangeError("two shards");
    const release = await holdAppends(service, left);
    const resharding = service.reshard("s", halve);
    await expect.poll(() => left.gate.isShut).toBe(true);
    it.log.delay = undefined;
    const client = new AbortController();
    const put = service.putRecords("s", batch("0", HASH_KEY_MAX), { gone: () => client.signal });
    await expect.poll(() => right.bounds().next).toBe(1);
    client.abort(new Error("left"));
    await expect(put).rejects.toThrow("left"); // while the reshard is still under way
    release();
    await resharding;
    expect(service.find("s").shards.map((shard) => shard.bounds().next)).toEqual([1, 1, 0, 0]);
  });

  test("puts beyond 64 MiB do not wait: they are refused, as when the log has as much to sync", async () => {
    const service = await start(2);
    const [left] = service.find("s").shards;
    if (left === undefined) throw new RangeError("two shards");
    const release = await holdAppends(service, left);
    const resharding = service.reshard("s", halve);
    await expect.poll(() => left.gate.isShut).toBe(true);
    it.log.delay = undefined;
    const large = RecordBatch.of([{ partitionKey: "k", explicitHashKey: 0n, data: Buffer.alloc((64 << 20) - 10) }]);
    const waiting = service.putRecords("s", large);
    const refused = await service.putRecords("s", batch("0", "1", HASH_KEY_MAX));
    expect([0, 1, 2].map((i) => refused.failure(i)?.code)).toEqual(["overloaded", "overloaded", undefined]);
    release();
    await resharding;
    expect((await waiting).failure(0)).toBeUndefined();
    const again = await service.putRecords("s", batch("0"));
    expect(again.failure(0)).toBeUndefined();
  });

  test("who waits at the parent's end is woken, and finds the children", async () => {
    const service = await start(1);
    const stream = service.find("s");
    const [parent] = stream.shards;
    const waiting = parent?.grown(0, new AbortController().signal).then(() => stream.childrenOf(parent).length);
    const stopped = new AbortController();
    const aborted = parent?.grown(0, stopped.signal);
    stopped.abort();
    await expect(aborted).rejects.toThrow("abort");
    await service.reshard("s", halve);
    expect(await waiting).toBe(2);
    await parent?.grown(0, new AbortController().signal);
  });
});

describe("repeats of requests from before", () => {
  test("get their first answer from the children, through splits, merges and restarts, and are not stored again", async () => {
    let service = await start(1);
    const writer = new KeyedWriter("w", KEYS);
    const first = await writer.write(service, "s");
    await service.reshard("s", to(8));
    const second = await writer.write(service, "s");
    for (const count of [3, 1, 2]) await service.reshard("s", to(count));
    for (const again of [service, (service = await it.open())]) {
      expect(await writer.send(again, "s", 0)).toEqual(first);
      expect(await writer.send(again, "s", 1)).toEqual(second);
    }
    expect(await valuesByKey(service.find("s"))).toEqual(expectedValues([writer]));
  });

  test("also when the parent is long gone", async () => {
    const service = await start(1);
    const writer = new KeyedWriter("w", KEYS);
    const first = await writer.write(service, "s");
    await service.reshard("s", halve);
    it.clock.advance(25 * 3_600_000);
    await service.trim();
    expect(numbers(service.find("s").shards)).toEqual([1, 2]);
    expect(await writer.send(await it.open(), "s", 0)).toEqual(first);
  });

  test("the parent stays until its children have stored what it knew", async () => {
    const service = await start(1);
    const writer = new KeyedWriter("w", KEYS);
    const first = await writer.write(service, "s");
    await service.reshard("s", halve);
    it.clock.advance(25 * 3_600_000);
    it.log.failure = "disk-full";
    await service.trim();
    expect(it.reports).toContain("could not remove closed shards; it is tried again");
    it.log.failure = undefined;
    expect(await writer.send(await it.open(), "s", 0)).toEqual(first);
    await service.trim();
    expect(numbers(service.find("s").shards)).toEqual([1, 2]);
    expect(await writer.send(await it.open(), "s", 0)).toEqual(first);
  });

  test("what any ancestor has forgotten is refused", async () => {
    const service = await start(1);
    const [a, b] = [new KeyedWriter("w", ["a"]), new KeyedWriter("w", ["b"])];
    await a.send(service, "s", 0);
    await service.reshard("s", to(2));
    for (let number = 1; number <= 1025; number += 1) await a.send(service, "s", number);
    await b.send(service, "s", 3);
    await service.reshard("s", to(1));
    expect(await a.send(service, "s", 1)).toEqual([""]);
    expect(await b.send(service, "s", 1)).toEqual([""]);
    expect(await b.send(service, "s", 3)).not.toEqual([""]);
  });

  test("a request that the parent stored in part is completed by the children", async () => {
    const service = await start(1);
    const [parent] = service.find("s").shards;
    const part = new KeyedWriter("w", KEYS.slice(0, 3));
    const first = await part.write(service, "s");
    await service.reshard("s", halve);
    const whole = await new KeyedWriter("w", KEYS).send(service, "s", 0);
    expect(whole.slice(0, 3)).toEqual(first);
    expect(parent?.bounds().next).toBe(3);
    expect(it.log.appended).toBe(KEYS.length);
  });
});

describe("closed shards", () => {
  test("go when retention has passed their end, from the listing, the log and the catalog", async () => {
    const service = await start(1);
    await service.reshard("s", to(4));
    it.clock.advance(24 * 3_600_000);
    expect(service.shards("s")).toHaveLength(7);
    it.clock.advance(1);
    expect(service.shards("s")).toHaveLength(4); // at once
    expect(() => service.find("s").shard("shardId-000000000000")).toThrow("does not exist");
    await service.trim();
    expect(numbers(service.find("s").shards)).toEqual([3, 4, 5, 6]);
    expect(it.log.shards()).toHaveLength(4);
    expect([...it.catalog.stored.values()][0]?.shards).toHaveLength(4);
    await service.reshard("s", to(2));
    expect(numbers(service.find("s").openShards)).toEqual([7, 8]);
  });

  test("whose removal was cut off behind the log are forgotten at the next start", async () => {
    const service = await start(1);
    await service.reshard("s", halve);
    it.clock.advance(25 * 3_600_000);
    it.catalog.failAt = "removeShards";
    await service.trim();
    expect(it.reports).toEqual(["could not remove closed shards; it is tried again"]);
    it.catalog.failAt = undefined;
    expect(numbers((await it.open()).find("s").shards)).toEqual([1, 2]);
    expect([...it.catalog.stored.values()][0]?.shards).toHaveLength(2);
  });

  test("whose removal failed, before the log or behind it, go when it is tried again", async () => {
    const service = await start(1);
    await service.reshard("s", halve);
    await service.reshard("s", merge);
    it.clock.advance(25 * 3_600_000);
    it.log.failure = "disk-full";
    it.catalog.failAt = "removeShards";
    for (const left of [4, 1]) {
      await service.trim();
      expect(it.reports.splice(0)).toEqual(["could not remove closed shards; it is tried again"]);
      expect(it.log.shards()).toHaveLength(left);
      it.log.failure = undefined;
    }
    it.catalog.failAt = undefined;
    await service.trim();
    expect(it.reports).toEqual([]);
    expect([...it.catalog.stored.values()][0]?.shards).toHaveLength(1);
    expect(service.find("s").expiredShards()).toEqual([]);
  });

  test("are nobody's children any more once they are gone", async () => {
    const service = await start(1);
    const [parent] = service.find("s").shards;
    await service.reshard("s", halve);
    const [left] = service.find("s").openShards;
    await service.reshard("s", (stream) => Promise.resolve(planSplit(plannedOf(stream)[0]!, 1n << 126n)));
    expect(numbers(service.find("s").childrenOf(parent!))).toEqual([1, 2]);
    it.clock.advance(25 * 3_600_000);
    await service.trim();
    // Its readers still find the child that is there, and through it nothing that is gone.
    expect(numbers(service.find("s").childrenOf(parent!))).toEqual([2]);
    expect(numbers(service.find("s").childrenOf(left!))).toEqual([3, 4]);
  });

  test("do not go before their children, though the clock went back between", async () => {
    const service = await start(1);
    await service.reshard("s", halve);
    it.clock.advance(-60_000);
    await service.reshard("s", merge);
    const [parent, left] = service.shards("s");
    expect(left?.closedMs).toBe(parent?.closedMs);
  });

  test("are taken along when the stream goes", async () => {
    const service = await start(1);
    await service.reshard("s", to(4));
    await service.deleteStream("s");
    await expect.poll(() => service.lookUp("s")).toBeUndefined();
    expect([it.log.shards(), it.catalog.stored.size]).toEqual([[], 0]);
  });
});

// docs/design/shards.md: whatever fails, at whatever step, before or after it has done its work.
describe.each(["before", "after"] as const)("a step that fails %s its work", (when) => {
  const STEPS = ["addShards", "createShards", "reshard"];

  test("where the process dies: the next start finds one or the other, whole", async () => {
    for (const [at, step] of STEPS.entries()) {
      const fate = new Fate(at, when, true);
      const dying = await start(2, fate);
      const writer = new KeyedWriter("w", KEYS);
      const first = await writer.write(dying, "s");
      await Promise.allSettled([dying.reshard("s", to(3))]); // nobody gets to hear how it went
      expect(fate.calls.at(-1)).toBe(step);
      const service = await it.open();
      await checkWhole(service, writer, first);
      const isDone = step === "reshard" && when === "after";
      expect(service.describe("s").shardCount).toBe(isDone ? 3 : 2);
      await it.close();
    }
  });

  test("where the process lives: it goes on with one or the other, and so does the next start", async () => {
    for (const [at, step] of STEPS.entries()) {
      const fate = new Fate(at, when, false);
      const service = await start(2, fate);
      const writer = new KeyedWriter("w", KEYS);
      const first = await writer.write(service, "s");
      const isDone = step === "reshard" && when === "after";
      const [result] = await Promise.allSettled([service.reshard("s", to(3))]);
      expect([fate.calls[at], result.status]).toEqual([step, isDone ? "fulfilled" : "rejected"]);
      expect(service.describe("s")).toMatchObject({ status: "ACTIVE", shardCount: isDone ? 3 : 2 });
      await checkWhole(service, writer, first);
      expect((await it.open()).shards("s")).toEqual(service.shards("s"));
      await service.reshard("s", to(5));
      await checkWhole(service, writer, first);
      await it.close();
    }
  });
});

test("what could not be cleaned up either is cleaned up by the next reshard", async () => {
  const service = await start(1);
  it.catalog.failAt = "reshard";
  it.log.deleteShard = () => Promise.reject(new Error("no"));
  await expect(service.reshard("s", halve)).rejects.toThrow("power cut");
  expect(it.reports).toHaveLength(1);
  it.catalog.failAt = undefined;
  Reflect.deleteProperty(it.log, "deleteShard");
  await expect(service.reshard("s", halve)).rejects.toMatchObject({ code: "internal" });
  await service.reshard("s", halve);
  expect(it.log.shards()).toHaveLength(3);
});

test("a disk that is full is told as such", async () => {
  const service = await start(1);
  it.log.failure = "disk-full";
  await expect(service.reshard("s", halve)).rejects.toMatchObject({ code: "disk-full" });
  it.log.failure = undefined;
  await service.reshard("s", halve);
});

/** Nothing pending, all keys led somewhere, records there once and in order, repeats known, writing goes on. */
async function checkWhole(service: StreamService, writer: KeyedWriter, first: readonly string[]): Promise<void> {
  const stream = service.find("s");
  const [stored] = it.catalog.stored.values();
  expect(stored?.shards.every(({ openedMs }) => openedMs !== undefined)).toBe(true);
  expect(it.log.shards().sort()).toEqual(stored?.shards.map(({ logName }) => logName).sort());
  const ends = stream.openShards.map(({ endingHashKey }) => endingHashKey + 1n);
  expect(stream.openShards.map(({ startingHashKey }) => startingHashKey)).toEqual([0n, ...ends.slice(0, -1)]);
  expect(ends.at(-1)).toBe(HASH_KEY_MAX + 1n);
  expect(await writer.send(service, "s", 0)).toEqual(first);
  await writer.write(service, "s");
  expect(await valuesByKey(stream)).toEqual(expectedValues([writer]));
}
