import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeDisk, openLog } from "@headwater/log";
import { ManualClock } from "@headwater/log/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SqliteCatalog } from "../catalog/sqlite-catalog.js";
import { Fate } from "../testing/fate.js";
import { expectedValues, KeyedWriter, valuesByKey } from "../testing/keyed-writers.js";
import { planShardCount } from "./shard-plan.js";
import { StreamService } from "./stream-service.js";

/** Of addShards, createShards, reshard. */
const LAST_STEP = 2;
/** The power goes before the first step, behind each one, and not at all. */
const DEATHS = [
  new Fate(0, "before", true),
  ...Array.from({ length: LAST_STEP + 1 }, (_, at) => new Fate(at, "after", true)),
  new Fate(-1, "before", false),
];

const clock = new ManualClock();
let directory: string;
const closers: (() => Promise<void>)[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "headwater-reshard-"));
});
afterEach(async () => {
  await close();
  await rm(directory, { recursive: true });
});

async function close(): Promise<void> {
  for (const one of closers.splice(0)) await one();
}

async function open(fate: Fate): Promise<StreamService> {
  const log = await openLog({ directory: join(directory, "log"), disk: nodeDisk(), clock });
  closers.push(() => log.close());
  const catalog = await SqliteCatalog.open(join(directory, "catalog.sqlite"));
  closers.push(() => catalog.close());
  return StreamService.open(fate.over(catalog, ["addShards", "reshard", "removeShards"], ["stream"]), {
    log: fate.over(log, ["createShards", "putState", "deleteShard"], ["append"]),
    clock,
    accountId: "000000000000",
    region: "us-east-1",
    limited: false,
    report: () => undefined,
  });
}

async function scale(service: StreamService, count: number): Promise<void> {
  await service.reshard("s", (stream) => {
    const open = stream.openShards.map((shard) => shard.planned);
    return planShardCount(open, count, stream.nextShardNumber);
  });
}

class Writer extends KeyedWriter {
  last: { readonly number: number; readonly places: readonly string[] } | undefined;

  async writeUntil(over: AbortSignal, service: StreamService): Promise<void> {
    while (!over.aborted) {
      const number = this.requests;
      this.last = { number, places: await this.write(service, "s") };
    }
  }
}

test("on the real log and catalog: whatever step is the last, records are there once and in order, and repeats known", async () => {
  const writers = ["a", "b"].map(
    (name) =>
      new Writer(
        name,
        ["1", "2", "3", "4"].map((key) => name + key),
      ),
  );
  for (const [life, fate] of DEATHS.entries()) {
    fate.isArmed = false;
    const service = await open(fate);
    if (life === 0) await service.createStream({ name: "s", shardCount: 2, mode: "PROVISIONED", tags: {} });
    for (const writer of writers) {
      const again = writer.last && (await writer.send(service, "s", writer.last.number));
      expect(again).toEqual(writer.last?.places);
      await writer.write(service, "s"); // what was stored without an answer is sent again
    }
    expect(await valuesByKey(service.find("s"))).toEqual(expectedValues(writers));

    const over = new AbortController();
    const writing = Promise.allSettled(writers.map((writer) => writer.writeUntil(over.signal, service)));
    await scale(service, 2);
    fate.isArmed = true;
    const [result] = await Promise.allSettled([scale(service, 3)]);
    expect([result.status, fate.calls.length]).toEqual(
      fate.isFatal ? ["rejected", fate.at + 1] : ["fulfilled", LAST_STEP + 1],
    );
    if (!fate.isFatal) over.abort();
    await writing;
    await close();
  }
});
