import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Broker } from "../testing/broker.js";
import { WatermarkGateway } from "../testing/watermark-gateway.js";
import { type Agent, startAgent } from "./agent.js";
import { settings } from "./settings.js";

let directory: string;
let broker: Broker;
let agent: Agent | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "agent-"));
  broker = await Broker.start({ users: { "pi-1": "secret" } });
});
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
  await broker.stop();
  await rm(directory, { recursive: true });
});

function start(change: Readonly<Record<string, unknown>> = {}): Promise<Agent> {
  const given = { id: "pi-1", data: join(directory, "data"), gateway: broker.url, ...change };
  return startAgent(settings.parse(given), () => undefined);
}

test("this host's readings reach the gateway as records of the device", async () => {
  const gateway = new WatermarkGateway();
  broker.onPublish = async ({ payload }) => gateway.take(Buffer.from(payload));
  agent = await start({ password: "secret", hostSensor: { stream: "hosts", intervalMs: 100 } });
  await expect.poll(() => gateway.kept.length).toBeGreaterThan(2);
  const readings = gateway.kept.map(({ stream, data }) => ({ stream, ...(JSON.parse(data) as object) }));
  expect(readings[1]).toMatchObject({
    stream: "hosts",
    time: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/),
    diskTotalBytes: expect.any(Number),
  });
  expect(agent.health()).toMatchObject({ ok: true, device: "pi-1", connected: true, disk: "ok" });
});

test("the password may lie in a file", async () => {
  const passwordFile = join(directory, "password");
  await writeFile(passwordFile, "secret\n");
  agent = await start({ passwordFile });
  await expect.poll(() => agent?.health()["connected"]).toBe(true);
});

test.each([
  ["is not there", undefined, /passwordFile: cannot read .*password/],
  ["begins with an empty line", "\nsecret\n", /passwordFile: the first line .* is empty/],
])("a password file that %s is a mistake of the operator", async (_name, text, message) => {
  const passwordFile = join(directory, "password");
  if (text !== undefined) await writeFile(passwordFile, text);
  await expect(start({ passwordFile })).rejects.toThrow(message);
});

test("wrong credentials are no reason to end: records are stored, and the fault is counted", async () => {
  agent = await start({ password: "wrong", hostSensor: { intervalMs: 100 } });
  await expect.poll(() => agent?.health()["records"]).toBeGreaterThan(1);
  await expect
    .poll(() => agent?.metrics())
    .toMatch(/^headwater_device_connection_faults_total\{cause="refused"\} [1-9]/m);
  expect(agent.health()).toMatchObject({ ok: true, connected: false });
});

test("metrics say what happened since the start, and counters are counters", async () => {
  agent = await start({ password: "secret", hostSensor: { enabled: false } });
  const text = await agent.metrics();
  expect(text).toContain("# TYPE headwater_device_put_records_total counter\nheadwater_device_put_records_total 0\n");
  expect(text).toContain("# TYPE headwater_device_spool_bytes_max gauge\n");
  expect(text).toMatch(/^headwater_device_spool_bytes_max 268435456$/m);
  const again = await agent.metrics();
  expect(again.match(/^headwater_device_connections_total .*/m)).not.toBeNull();
});

test("a camera whose program is missing is told, counted and tried again, and makes nothing else ill", async () => {
  const cameras = [{ stream: "door", source: "test-pattern", program: "/no/such/ffmpeg" }];
  agent = await start({ password: "secret", hostSensor: { enabled: false }, cameras });
  await expect
    .poll(() => agent?.metrics())
    .toMatch(/^headwater_device_camera_faults_total\{stream="door",cause="program-missing"\} [1-9]/m);
  const text = await agent.metrics();
  expect(text).toContain("# TYPE headwater_device_camera_frames_total counter\n");
  expect(text).toMatch(/^headwater_device_camera_capturing\{stream="door"\} 0$/m);
  await expect.poll(() => agent?.metrics()).toMatch(/^headwater_device_video_connected 1$/m);
  expect(agent.health()).toMatchObject({ ok: true, video: { cameras: [{ stream: "door", isCapturing: false }] } });
  expect(broker.clientIds).toContain("pi-1/video");
});

test("two agents in one process have metrics of their own", async () => {
  agent = await start({ password: "secret" });
  const other = await start({ data: join(directory, "other"), hostSensor: { enabled: false } });
  expect(await other.metrics()).toMatch(/^headwater_device_put_records_total 0$/m);
  await other.stop();
});
