import { afterEach, expect, test } from "vitest";
import { TestService } from "../testing/test-service.js";
import { OnDemandScaling } from "./on-demand-scaling.js";
import { RecordBatch } from "./record-batch.js";
import type { StreamService } from "./stream-service.js";

const DAY_MS = 24 * 3_600_000;
let it: TestService;
let scaling: OnDemandScaling;
const reports: unknown[] = [];
afterEach(async () => {
  await scaling.stop();
  await it.close();
});

async function start(StreamMode = "ON_DEMAND"): Promise<StreamService> {
  it = await TestService.start();
  const ShardCount = StreamMode === "ON_DEMAND" ? undefined : 4;
  await it.call("CreateStream", { StreamName: "s", StreamModeDetails: { StreamMode }, ShardCount });
  restart();
  return it.context.service;
}

function restart(): void {
  scaling = new OnDemandScaling(
    it.context.service,
    () => it.clock.now(),
    (message, detail) => reports.push(message, detail),
  );
}

/** Ten seconds in which so many full shards are written, over all keys. */
async function window(shards: number): Promise<number> {
  const records = Array.from({ length: 1000 }, (_, i) => ({
    partitionKey: "k",
    explicitHashKey: (BigInt(i) << 128n) / 1000n,
    data: Buffer.alloc(1),
  }));
  for (let left = shards * 10; left > 0; left -= 1) await it.context.service.putRecords("s", RecordBatch.of(records));
  it.clock.advance(10_000);
  await scaling.scale();
  return it.context.service.describe("s").shardCount;
}

test("a stream on demand grows to twice its peak, keeps that over a restart, and shrinks when the peak is 30 days old", async () => {
  const service = await start();
  expect(await window(2)).toBe(4);
  expect(await window(3)).toBe(8); // six would do for all of it, but each shard has to take the double of its own
  expect(await window(6)).toBe(16);
  await scaling.stop();
  restart();
  expect(await window(0)).toBe(16);
  it.clock.advance(29 * DAY_MS);
  expect(await window(0)).toBe(16);
  it.clock.advance(DAY_MS);
  expect(await window(0)).toBe(6);
  expect(service.describe("s").writePeaks?.days.length).toBeLessThanOrEqual(2);
  expect(reports).toEqual([]);
});

test("it keeps what warm throughput asks for", async () => {
  const service = await start();
  await service.changeSettings("s", (settings) => ({ ...settings, warmThroughputMibps: 7 }));
  expect(await window(0)).toBe(7);
});

test("one that was provisioned keeps its shards for a day, and starts without peaks each time", async () => {
  const service = await start("PROVISIONED");
  await it.call("UpdateShardCount", { StreamName: "s", TargetShardCount: 8, ScalingType: "UNIFORM_SCALING" });
  await it.call("UpdateShardCount", { StreamName: "s", TargetShardCount: 16, ScalingType: "UNIFORM_SCALING" });
  expect(await window(3)).toBe(16);
  expect(service.describe("s").writePeaks).toBeUndefined();
  const setMode = (mode: "PROVISIONED" | "ON_DEMAND"): Promise<void> =>
    service.changeSettings("s", (settings) => ({ ...settings, mode }));
  await setMode("ON_DEMAND");
  expect(await window(0)).toBe(16);
  it.clock.advance(DAY_MS);
  await setMode("PROVISIONED");
  expect(await window(0)).toBe(16);
  await setMode("ON_DEMAND");
  expect(await window(0)).toBe(16);
  it.clock.advance(DAY_MS);
  expect(await window(0)).toBe(6);
});
