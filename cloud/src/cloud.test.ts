import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaultDisk } from "@headwater/log/testing";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { startCloud } from "./cloud.js";
import { settingsSchema } from "./settings.js";
import { openStorage } from "./storage.js";

/** A cloud whose log lies on a disk that can fail, with one stream. */
async function start() {
  const disk = new FaultDisk(1);
  const data = await mkdtemp(join(tmpdir(), "cloud-"));
  onTestFinished(() => rm(data, { recursive: true }));
  const host = { logger: pino({ level: "silent" }), clock: { now: Date.now } };
  const settings = settingsSchema.parse({ data, port: 0, acceptAnyCredentials: true });
  const storage = await openStorage(data, { disk, ...host });
  const cloud = await startCloud(settings, { ...host, storage });
  onTestFinished(() => cloud.stop());
  const url = String(cloud.addresses["http"]);
  const call = async (operation: string, input: unknown): Promise<number> => {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `Kinesis_20131202.${operation}` };
    return (await fetch(url, { method: "POST", headers, body: JSON.stringify(input) })).status;
  };
  const health = async (): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`${url}/healthz`);
    return { status: answer.status, body: await answer.json() };
  };
  expect(await call("CreateStream", { StreamName: "s", ShardCount: 1 })).toBe(200);
  const put = () => call("PutRecord", { StreamName: "s", PartitionKey: "k", Data: "AAAA" });
  return { disk, put, health };
}

test.each([
  ["ENOSPC", "disk-full"],
  ["EIO", "disk-failed"],
] as const)(
  "%s: ill while the last append failed, and says why; well after one that succeeds",
  async (fault, report) => {
    const { disk, put, health } = await start();
    expect(await put()).toBe(200);
    expect(await health()).toMatchObject({ status: 200, body: { ok: true, disk: "ok", streams: 1 } });
    disk.plan = () => fault;
    expect(await put()).toBe(500);
    const ill = {
      status: 503,
      body: { ok: false, disk: report, diskError: expect.stringContaining(fault) as unknown },
    };
    expect(await health()).toMatchObject(ill);
    disk.plan = () => undefined;
    expect(await put()).toBe(200);
    expect(await health()).toMatchObject({ status: 200, body: { ok: true, disk: "ok" } });
  },
);

test("found well again though nobody writes", async () => {
  const { disk, put, health } = await start();
  disk.plan = () => "ENOSPC";
  expect(await put()).toBe(500);
  for (let i = 0; i < 3; i++) expect(await health()).toMatchObject({ status: 503 });
  disk.plan = () => undefined;
  await expect.poll(health, { timeout: 10_000 }).toMatchObject({ status: 200, body: { disk: "ok" } });
});
