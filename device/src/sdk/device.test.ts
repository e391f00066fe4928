import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { lockDirectory, nodeDisk } from "@headwater/log";
import type { DeviceStatus } from "@headwater/protocol";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Broker } from "../testing/broker.js";
import { deferred } from "../testing/deferred.js";
import { hurriedClock } from "../testing/hurried-clock.js";
import { WatermarkGateway } from "../testing/watermark-gateway.js";
import { mqttConnect } from "../uplink/mqtt-connection.js";
import { Device } from "./device.js";
import { checkOptions, type DeviceOptions } from "./options.js";

let directory: string;
let broker: Broker;
const open: Device[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "device-"));
  broker = await Broker.start();
});
afterEach(async () => {
  for (const device of open.splice(0)) await device.close();
  await broker.stop();
  await rm(directory, { recursive: true });
});

/** The real thing but for the length of its waits. */
async function openDevice(change: Partial<DeviceOptions> = {}, data = join(directory, "pi-1")): Promise<Device> {
  const options = checkOptions({ id: "pi-1", data, gateway: broker.url, ...change });
  const device = await Device.openOn(options, {
    disk: nodeDisk(),
    clock: await hurriedClock(),
    connect: mqttConnect({ host: options.host, port: options.port, device: options.id }),
    random: Math.random,
    lock: lockDirectory,
  });
  open.push(device);
  return device;
}

const record = (data: string) => ({ stream: "sensors", partitionKey: "k", data });

test("a record reaches the gateway by itself", async () => {
  const gateway = new WatermarkGateway();
  broker.onPublish = async ({ payload }) => gateway.take(Buffer.from(payload));
  const device = await openDevice();
  const { sequence } = await device.putRecord(record("21.5"));
  await device.flushed();
  expect(gateway.kept).toEqual([{ stream: "sensors", data: "21.5", sequence, captureMs: expect.any(Number) }]);
  expect(Math.abs((gateway.kept[0]?.captureMs ?? 0) - Date.now())).toBeLessThan(10_000);
  expect(device.status()).toMatchObject({
    connected: true,
    records: 0,
    putRecords: 1,
    acknowledgedRecords: 1,
    faults: {},
  });
});

test("a device that never met a gateway takes records, and a later process delivers them in order", async () => {
  await broker.vanish();
  const device = await openDevice();
  for (let i = 0; i < 300; i++) await device.putRecord(record(String(i)));
  expect(device.status()).toMatchObject({ connected: false, records: 300 });
  await device.close();
  await broker.listen();
  const gateway = new WatermarkGateway();
  broker.onPublish = async ({ payload }) => gateway.take(Buffer.from(payload));
  const later = await openDevice();
  await later.putRecord(record("300"));
  await later.flushed();
  expect(gateway.kept.map(({ data }) => Number(data))).toEqual(Array.from({ length: 301 }, (_, i) => i));
});

test("the gateway is told the device's status", async () => {
  await openDevice({ spoolBytesMax: 8 * 1024 * 1024 });
  await expect.poll(() => broker.told.length).toBeGreaterThan(1);
  const status = JSON.parse(String(broker.told[0]?.payload)) as DeviceStatus;
  expect(broker.told[0]?.topic).toBe("headwater/1/pi-1/status");
  expect(status).toEqual({ spoolRecords: 0, spoolBytes: 0, spoolBytesMax: 8 * 1024 * 1024, oldestMs: 0, dropped: {} });
});

test("a gateway that delays its acknowledgements holds the device to its window", async () => {
  const gate = deferred();
  let takenBytes = 0;
  broker.onPublish = ({ payload }) => {
    takenBytes += payload.length;
    return gate.promise;
  };
  const device = await openDevice();
  for (let i = 0; i < 40; i++) await device.putRecord(record("x".repeat(50_000)));
  await expect.poll(() => device.status().inFlightBytes).toBeGreaterThan(100_000);
  await device.putRecord(record("a put does not wait for the gateway"));
  expect(device.status().inFlightBytes).toBeLessThanOrEqual(256 * 1024);
  expect(takenBytes).toBeLessThanOrEqual(256 * 1024);
  gate.resolve();
  await device.flushed();
});

test("one process at a time", async () => {
  await openDevice();
  await expect(openDevice()).rejects.toMatchObject({ name: "DeviceError", code: "directory-in-use" });
});

test("a directory is free once its device is closed", async () => {
  const device = await openDevice();
  await device.close();
  await device.close();
  const again = await openDevice();
  expect((await again.putRecord(record("x"))).sequence).toBeGreaterThan(0);
});

test("closing waits for puts under way; afterwards everything is refused, and status says how it was", async () => {
  await broker.vanish();
  const device = await openDevice();
  const puts = Array.from({ length: 50 }, (_, i) => device.putRecord(record(String(i))));
  const flushed = device.flushed();
  const closing = device.close();
  await expect(flushed).rejects.toMatchObject({ code: "closed" });
  await Promise.all(puts);
  await closing;
  await expect(device.putRecord(record("late"))).rejects.toMatchObject({ code: "closed", retriable: false });
  await expect(device.flushed()).rejects.toMatchObject({ code: "closed" });
  expect(device.status()).toMatchObject({ connected: false, records: 50 });
});

/** What may happen to a device while it puts records. */
type Trouble = "nothing" | "cut" | "cut after commit" | "cut before commit" | "gateway away" | "restart";

test("whatever the connection and the process go through, every put arrives once, in order, with one capture time", () => {
  const trouble = fc.constantFrom<Trouble>(
    "nothing",
    "cut",
    "cut after commit",
    "cut before commit",
    "gateway away",
    "restart",
  );
  const steps = fc.array(fc.record({ puts: fc.integer({ min: 1, max: 40 }), bytes: fc.nat(9_000), trouble }), {
    minLength: 1,
    maxLength: 8,
  });
  let run = 0;
  return fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      const gateway = new WatermarkGateway();
      let next: Trouble = "nothing";
      const left = new Set<unknown>();
      let committed: Promise<void> = Promise.resolve();
      const commit = async (payload: Buffer, client: unknown): Promise<void> => {
        const happening = next;
        next = "nothing";
        for (let i = payload.length % 5; i > 0; i--) await setImmediate();
        if (happening === "cut before commit") {
          left.add(client);
          broker.cut();
        }
        // Once a message of a connection is not taken, none after it is: the watermark would swallow the first.
        if (left.has(client)) throw new Error("the connection is cut");
        gateway.take(payload);
        if (happening === "cut after commit") broker.cut();
      };
      // One after the other, for the same reason: aedes hands over several messages of a connection at once.
      broker.onPublish = ({ payload }, client) => {
        const turn = committed.then(() => commit(Buffer.from(payload), client));
        committed = turn.catch(() => undefined);
        return turn;
      };
      const data = join(directory, `run-${run++}`);
      let device = await openDevice({}, data);
      const put: string[] = [];
      for (const { puts, bytes, trouble } of steps) {
        next = trouble;
        if (trouble === "gateway away") await broker.vanish();
        const batch = Array.from({ length: puts }, (_, i) => `${put.length + i} `.padEnd(bytes));
        put.push(...batch);
        await Promise.all(batch.map((text) => device.putRecord(record(text))));
        if (trouble === "cut") broker.cut();
        if (trouble === "gateway away") await broker.listen();
        if (trouble === "restart") {
          await device.close();
          device = await openDevice({}, data);
        }
      }
      await device.flushed();
      await device.close();
      expect(gateway.faults).toEqual([]);
      expect(gateway.kept.map(({ data }) => data)).toEqual(put);
    }),
    { numRuns: 25 },
  );
});
