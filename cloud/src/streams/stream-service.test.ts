import { EventEmitter, once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { LogError, type LogErrorCode } from "@headwater/log";
import { ManualClock } from "@headwater/log/testing";
import { HASH_KEY_MAX } from "@headwater/protocol";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { NewStream } from "../catalog/catalog.js";
import { MemoryCatalog } from "../testing/memory-catalog.js";
import { MemoryLog } from "../testing/memory-log.js";
import { RecordBatch } from "./record-batch.js";
import { StreamService } from "./stream-service.js";
import type { StreamRecord } from "./stream.js";

const opened: StreamService[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((service) => service.close()));
});

function fixture() {
  const clock = new ManualClock();
  const log = new MemoryLog(clock);
  const catalog = new MemoryCatalog();
  const reports: string[] = [];
  const open = async (): Promise<StreamService> => {
    const service = await StreamService.open(catalog, {
      log,
      clock,
      accountId: "000000000000",
      region: "us-east-1",
      limited: false,
      report: (message) => reports.push(message),
    });
    opened.push(service);
    return service;
  };
  return { clock, log, catalog, reports, open };
}

function create(service: StreamService, name = "s", shardCount = 2): Promise<void> {
  return service.createStream({ name, shardCount, mode: "PROVISIONED", tags: {} });
}

async function put(service: StreamService, ...keys: string[]): Promise<void> {
  const records = keys.map((partitionKey) => ({ partitionKey, data: Buffer.from(partitionKey) }));
  await service.putRecords("s", RecordBatch.of(records));
}

/** A stream that is storing what it knows of its producers, until that is told to fail. */
async function storing(code: LogErrorCode) {
  const { open, log, reports } = fixture();
  const service = await open();
  await create(service, "s", 1);
  const disk = new EventEmitter();
  const putState = vi.spyOn(log, "putState").mockReturnValue(once(disk, "done").then(() => undefined));
  const records = Array.from({ length: 17 }, () => ({ partitionKey: "k", data: Buffer.alloc((1 << 20) - 1) }));
  await service.putRecords("s", RecordBatch.of(records));
  await expect.poll(() => putState.mock.calls.length).toBe(1);
  return {
    service,
    log,
    reports,
    fail: async (): Promise<void> => {
      disk.emit("error", new LogError(code, "of the test"));
      await setImmediate();
    },
  };
}

describe("a stream's life", () => {
  test("it takes records as soon as its creation is answered", async () => {
    const { open } = fixture();
    const service = await open();
    await create(service);
    expect(service.describe("s")).toMatchObject({
      status: "ACTIVE",
      shardCount: 2,
      arn: "arn:aws:kinesis:us-east-1:000000000000:stream/s",
    });
    const record = { partitionKey: "k", explicitHashKey: HASH_KEY_MAX, data: Buffer.alloc(1) };
    const results = await service.putRecords("s", RecordBatch.of([record]));
    expect(results.shardId(0)).toBe("shardId-000000000001");
    expect(results.sequenceNumber(0)).toMatch(/^49\d{54}$/);
  });

  test("one name, one stream, however many ask at once", async () => {
    const service = await fixture().open();
    const results = await Promise.allSettled([create(service), create(service), create(service)]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
  });

  test("the account's shards are limited", async () => {
    const service = await fixture().open();
    await expect(create(service, "big", 20_001)).rejects.toMatchObject({ code: "limit-exceeded" });
  });

  test("a deleted stream is gone with its bytes, and a new one of its name sees none of them", async () => {
    const { open, log } = fixture();
    const service = await open();
    await create(service);
    await put(service, "a", "b");
    await service.deleteStream("s");
    await expect.poll(() => service.lookUp("s")).toBeUndefined();
    expect(log.shards()).toEqual([]);
    await create(service);
    expect(service.find("s").shards.map((shard) => shard.bounds().next)).toEqual([0, 0]);
  });

  test("while it is being deleted, it takes no records and no second deletion", async () => {
    const { open, catalog } = fixture();
    const service = await open();
    await create(service);
    catalog.failAt = "removeStream";
    await service.deleteStream("s");
    await expect(service.deleteStream("s")).rejects.toMatchObject({ code: "stream-busy" });
    await expect(put(service, "a")).rejects.toMatchObject({ code: "stream-not-found" });
  });
});

describe("after a crash", () => {
  test("a stream whose creation nobody was told of is completed", async () => {
    const { open, catalog, log } = fixture();
    catalog.failAt = "setStatus";
    const crashed = await open();
    catalog.failAt = undefined;
    const surviving = await catalog.addStream({ ...newStream(), status: "CREATING" });
    void crashed;
    const service = await open();
    expect(service.describe("s").status).toBe("ACTIVE");
    expect(catalog.stored.get(surviving.id)?.status).toBe("ACTIVE");
    expect(log.shards()).toHaveLength(1);
  });

  test("a deletion that was answered is completed", async () => {
    const { open, catalog, log, reports } = fixture();
    const service = await open();
    await create(service);
    catalog.failAt = "removeStream";
    await service.deleteStream("s");
    await expect.poll(() => reports).toEqual(["could not remove a stream; it is tried again at the next start"]);
    catalog.failAt = undefined;
    const again = await open();
    await expect.poll(() => again.lookUp("s")).toBeUndefined();
    expect([log.shards(), catalog.stored.size]).toEqual([[], 0]);
  });

  describe("what it knows of its producers cannot be stored", () => {
    test("which is reported", async () => {
      const { reports, fail } = await storing("disk-full");
      await fail();
      expect(reports).toEqual(["could not store the producers' sets"]);
    });

    test("which nobody misses once it is deleted", async () => {
      const { service, reports, fail } = await storing("no-such-shard");
      await service.deleteStream("s");
      await expect.poll(() => service.lookUp("s")).toBeUndefined();
      await fail();
      expect(reports).toEqual([]);
    });

    test("nor while it is being deleted, as by a stop in between", async () => {
      const { service, log, reports, fail } = await storing("closed");
      const disk = new EventEmitter();
      vi.spyOn(log, "deleteShard").mockReturnValue(once(disk, "deleted").then(() => undefined));
      await service.deleteStream("s");
      await fail();
      disk.emit("deleted");
      expect(reports).toEqual([]);
    });
  });

  test("a creation that fails for want of disk is undone", async () => {
    const { open, log, catalog } = fixture();
    const service = await open();
    log.failure = "disk-full";
    await expect(create(service)).rejects.toMatchObject({ code: "disk-full" });
    log.failure = undefined;
    await expect.poll(() => catalog.stored.size).toBe(0);
    await create(service);
  });
});

test("retention forgets what is a day old", async () => {
  const { open, clock } = fixture();
  const service = await open();
  await create(service, "s", 1);
  await put(service, "old");
  clock.advance(24 * 3_600_000);
  await put(service, "new");
  clock.advance(1);
  await service.trim();
  expect(service.find("s").shards[0]?.bounds().first).toBe(1);
});

describe("tail", () => {
  test("shows what comes from now on, of all shards, and ends when its reader stops", async () => {
    const service = await fixture().open();
    await create(service, "s", 4);
    await put(service, "before");
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { partitionKey } of service.tail("s", new AbortController().signal)) {
        seen.push(partitionKey);
        if (seen.length === 5) return;
      }
    })();
    await put(service, "a", "b", "c");
    await expect.poll(() => seen.length).toBe(3);
    await put(service, "d", "e");
    await reading;
    expect(seen.sort()).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("ends with its signal, and with its stream", async () => {
    const service = await fixture().open();
    await create(service);
    const stop = new AbortController();
    const ends = [stop.signal, new AbortController().signal].map((signal) => collect(service.tail("s", signal)));
    stop.abort();
    await ends[0];
    await service.deleteStream("s");
    expect(await ends[1]).toEqual([]);
  });
});

async function collect(records: AsyncIterable<StreamRecord>): Promise<StreamRecord[]> {
  const all: StreamRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}

function newStream(): NewStream {
  return {
    id: "id",
    name: "s",
    status: "CREATING",
    createdMs: 0,
    settings: { mode: "PROVISIONED", retentionHours: 24, tags: {}, maxRecordKib: 1024, shardLevelMetrics: [] },
    hashKeyRanges: [{ startingHashKey: 0n, endingHashKey: HASH_KEY_MAX }],
  };
}
