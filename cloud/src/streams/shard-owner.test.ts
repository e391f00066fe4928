import { EventEmitter, once } from "node:events";
import { ManualClock } from "@headwater/log/testing";
import type { ProducerRequest } from "@headwater/protocol";
import { describe, expect, test } from "vitest";
import { CloudError } from "../cloud-error.js";
import { MemoryLog } from "../testing/memory-log.js";
import { putOutcomes } from "../testing/put-outcomes.js";
import { storedShard } from "../testing/stored-shard.js";
import { type PutOutcome, ShardOwner } from "./shard-owner.js";
import { RecentRecords } from "./recent-records.js";
import { RecordBatch } from "./record-batch.js";
import { decodeRecord } from "./stored-record.js";

const MEBIBYTE = 1 << 20;
const LOG_NAME = "shard";

interface Fixture {
  readonly clock: ManualClock;
  readonly log: MemoryLog;
  /** A new owner on the same log, as after a restart. */
  readonly owner: (limited?: boolean) => ShardOwner;
}

async function fixture(): Promise<Fixture> {
  const clock = new ManualClock();
  const log = new MemoryLog(clock);
  await log.createShards([LOG_NAME]);
  const shard = storedShard({ epoch: 3, logName: LOG_NAME });
  const owner = (limited = false): ShardOwner =>
    new ShardOwner({
      log,
      clock,
      shard,
      parents: [],
      limited,
      place: "shard shardId-000000000000 in stream s under account 0",
      path: "0/s/shardId-000000000000",
      recent: new RecentRecords(),
      onSaveFailed: (error) => {
        throw error;
      },
    });
  return { clock, log, owner };
}

interface Entry {
  /** Its number within the request; its partition key is `k` and this. */
  readonly index: number;
  readonly bytes: number;
}

function entries(...sizes: number[]): Entry[] {
  return sizes.map((bytes, index) => entry(index, bytes));
}

function entry(index: number, bytes = 1): Entry {
  return { index, bytes };
}

/** Puts records of so many bytes, partition keys included, at least these. */
function put(shard: ShardOwner, given: readonly Entry[], producer?: ProducerRequest): Promise<readonly PutOutcome[]> {
  const sizes = new Map(given.map(({ index, bytes }) => [index, bytes]));
  const indexes = [...sizes.keys()];
  const whole = Array.from({ length: Math.max(...indexes) + 1 }, (_, index) => {
    const partitionKey = `k${index}`;
    return { partitionKey, data: Buffer.alloc(Math.max(0, (sizes.get(index) ?? 0) - partitionKey.length)) };
  });
  return putOutcomes(shard, RecordBatch.of(whole), indexes, producer);
}

function request(number: number, producer = "gateway"): ProducerRequest {
  return { producer, spoolId: "00000000-0000-4000-8000-000000000000", request: number };
}

/** `+<position>` for what was stored, the error's code for what was not. */
function shown(outcomes: readonly PutOutcome[]): string[] {
  return outcomes.map((outcome) => {
    if (outcome instanceof CloudError) return outcome.code;
    return typeof outcome === "number" ? `+${outcome}` : outcome.shardId;
  });
}

/** Lets appends reach the log but not return, until the function that it answers is called. */
function holdSyncs(log: MemoryLog): () => void {
  const held = new EventEmitter();
  log.delay = once(held, "sync").then(() => undefined);
  return () => held.emit("sync");
}

async function stored({ log }: Fixture): Promise<string[]> {
  const { frames } = await log.read(LOG_NAME, 0, { frames: 10_000, bytes: 1 << 30 });
  return frames.map(({ data }) => decodeRecord(data).partitionKey);
}

describe("limits", () => {
  test("1,000 records a second, entry by entry", async () => {
    const { clock, owner } = await fixture();
    const shard = owner(true);
    const first = shown(await put(shard, entries(...Array.from({ length: 1001 }, () => 1))));
    expect(first.slice(0, 1000).every((outcome) => outcome.startsWith("+"))).toBe(true);
    expect(first[1000]).toBe("throughput-exceeded");
    clock.advance(1000);
    expect(shown(await put(shard, entries(1)))).toEqual(["+1000"]);
  });

  test("1 MiB a second; as with AWS, a smaller record may pass where a larger did not", async () => {
    const { owner } = await fixture();
    const outcomes = await put(owner(true), entries(MEBIBYTE - 10, 100, 10));
    expect(shown(outcomes)).toEqual(["+0", "throughput-exceeded", "+1"]);
    expect((outcomes[1] as CloudError).message).toBe(
      "Rate exceeded for shard shardId-000000000000 in stream s under account 0.",
    );
  });

  test("with a producer, the first rejection takes the rest along, so that order holds (invariant 2)", async () => {
    const { owner } = await fixture();
    const outcomes = shown(await put(owner(true), entries(MEBIBYTE - 10, 100, 10), request(1)));
    expect(outcomes).toEqual(["+0", "throughput-exceeded", "throughput-exceeded"]);
  });

  test("5 reads a second, and 2 MiB a second", async () => {
    const { clock, owner } = await fixture();
    const shard = owner(true);
    const read = (): Promise<unknown> => shard.readLimited(0, { frames: 10, bytes: 10 << 20 });
    for (let i = 0; i < 5; i += 1) await read();
    await expect(read()).rejects.toMatchObject({ code: "throughput-exceeded" });
    await put(shard, entries(MEBIBYTE - 1));
    for (let i = 0; i < 4; i += 1) {
      clock.advance(1000);
      await put(shard, entries(MEBIBYTE - 1));
    }
    clock.advance(1000);
    await read(); // 5 MiB: more than a second's worth, so the next ones wait
    clock.advance(1000);
    await expect(read()).rejects.toMatchObject({ code: "throughput-exceeded" });
    clock.advance(1500);
    await read();
  });
});

describe("repeats (invariant 3)", () => {
  test("a repeat is answered as the first was, and stores nothing", async () => {
    const it = await fixture();
    const shard = it.owner();
    const first = await put(shard, entries(1, 1, 1), request(1));
    expect(await put(shard, entries(1, 1, 1), request(1))).toEqual(first);
    expect(it.log.appended).toBe(3);
  });

  test("without the header, a repeat is new, as with AWS", async () => {
    const it = await fixture();
    const shard = it.owner();
    await put(shard, entries(1));
    await put(shard, entries(1));
    expect(it.log.appended).toBe(2);
  });

  test("what was rejected is decided anew, what was accepted is not", async () => {
    const it = await fixture();
    const shard = it.owner(true);
    const sizes = [MEBIBYTE - 10, 100, 10];
    await put(shard, entries(...sizes), request(1));
    it.clock.advance(1000);
    expect(shown(await put(shard, entries(...sizes), request(1)))).toEqual(["+0", "+1", "+2"]);
    expect(await stored(it)).toEqual(["k0", "k1", "k2"]);
  });

  test("the same request twice at once: the second waits for the first", async () => {
    const it = await fixture();
    const shard = it.owner();
    const sync = holdSyncs(it.log);
    const both = [put(shard, entries(1, 1), request(1)), put(shard, entries(1, 1), request(1))];
    sync();
    const [first, second] = await Promise.all(both);
    expect(second).toEqual(first);
    expect(it.log.appended).toBe(2);
  });

  test("a failed append leaves nothing behind: the repeat stores it", async () => {
    const it = await fixture();
    const shard = it.owner();
    it.log.failure = "disk-full";
    expect(shown(await put(shard, entries(1, 1), request(1)))).toEqual(["disk-full", "disk-full"]);
    it.log.failure = undefined;
    expect(shown(await put(shard, entries(1, 1), request(1)))).toEqual(["+0", "+1"]);
  });

  test("a request from before the window is refused with its own error, and stores nothing", async () => {
    const it = await fixture();
    const shard = it.owner();
    for (let number = 1; number <= 1025; number += 1) await put(shard, entries(1), request(number));
    expect(shown(await put(shard, entries(1), request(1)))).toEqual(["producer-request-forgotten"]);
    expect(shown(await put(shard, entries(1), request(2)))).toEqual(["+1"]);
    expect(it.log.appended).toBe(1025);
  });
});

describe("after a restart", () => {
  test("repeats are recognised by the frames' origins", async () => {
    const it = await fixture();
    const first = await put(it.owner(), [entry(2), entry(7)], request(1));
    const again = it.owner();
    expect(await put(again, [entry(2), entry(7)], request(1))).toEqual(first);
    expect(shown(await put(again, [entry(2), entry(9)], request(1)))).toEqual(["+0", "+2"]);
  });

  test("repeats are recognised by the stored sets, when the frames are gone", async () => {
    const it = await fixture();
    const shard = it.owner();
    const first = await put(shard, entries(1, 1), request(1));
    it.clock.advance(1000);
    await put(shard, entries(1), request(2));
    await shard.trimOlderThan(it.clock.now());
    expect(await stored(it)).toEqual(["k0"]);
    expect(await put(it.owner(), entries(1, 1), request(1))).toEqual(first);
  });

  test("trimming after a restart stores first what only the frames still say", async () => {
    const it = await fixture();
    const first = await put(it.owner(), entries(1, 1), request(1));
    it.clock.advance(1000);
    await it.owner().trimOlderThan(it.clock.now());
    expect(await stored(it)).toEqual([]);
    expect(await put(it.owner(), entries(1, 1), request(1))).toEqual(first);
  });

  test("closing stores the sets, so that the next use reads no frames", async () => {
    const it = await fixture();
    const shard = it.owner();
    await put(shard, entries(1), request(1));
    await shard.close();
    expect((await it.log.getState(LOG_NAME))?.position).toBe(1);
  });

  test("sets that are stored while puts are under way cover those too", async () => {
    const it = await fixture();
    const shard = it.owner();
    await put(shard, entries(1), request(1));
    const sync = holdSyncs(it.log);
    const late = put(shard, entries(1), request(2)); // its frame is in the log, its answer is not out
    const closing = shard.close();
    sync();
    const first = await late;
    await closing;
    it.log.delay = undefined;
    expect(await put(it.owner(), entries(1), request(2))).toEqual(first);
    expect(it.log.appended).toBe(2);
  });

  test("a growing shard stores its sets by itself, whoever writes", async () => {
    const it = await fixture();
    const shard = it.owner();
    for (let i = 0; i < 17; i += 1) await put(shard, entries(MEBIBYTE));
    await expect.poll(async () => (await it.log.getState(LOG_NAME))?.position).toBeGreaterThanOrEqual(16);
  });

  test("storing the sets reads only what this process did not write", async () => {
    const it = await fixture();
    const first = await put(it.owner(), entries(1), request(1));
    const readFrom: number[] = [];
    const read = it.log.read.bind(it.log);
    it.log.read = (name, position, limits) => {
      readFrom.push(position);
      return read(name, position, limits);
    };
    const shard = it.owner();
    for (let i = 0; i < 17; i += 1) await put(shard, entries(MEBIBYTE));
    await expect.poll(async () => (await it.log.getState(LOG_NAME))?.position).toBeGreaterThanOrEqual(16);
    expect(readFrom).toEqual([0]);
    expect(await put(shard, entries(1), request(1))).toEqual(first);
  });
});
