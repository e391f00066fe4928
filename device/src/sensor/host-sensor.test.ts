import { expect, test } from "vitest";
import type { DeviceEvent } from "../report.js";
import { DeviceError } from "../sdk/device-error.js";
import type { RecordInput } from "../spool/record-input.js";
import { deferred } from "../testing/deferred.js";
import type { HostReading } from "./host-reading.js";
import { HostSensor, type HostSensorOptions } from "./host-sensor.js";

function sensorWith(change: Partial<HostSensorOptions>): {
  sensor: HostSensor;
  put: RecordInput[];
  events: DeviceEvent[];
} {
  const put: RecordInput[] = [];
  const events: DeviceEvent[] = [];
  const sensor = new HostSensor({
    stream: "sensors",
    partitionKey: "pi-1",
    now: () => Date.UTC(2027, 0, 1),
    read: () => Promise.resolve({ cpuPercent: 12.5, load1: 0.4 }),
    put: (record) => Promise.resolve(put.push(record)),
    report: (event) => events.push(event),
    ...change,
  });
  return { sensor, put, events };
}

test("a reading becomes a JSON record", async () => {
  const { sensor, put } = sensorWith({});
  await sensor.tick();
  expect(put).toEqual([
    {
      stream: "sensors",
      partitionKey: "pi-1",
      data: '{"time":"2027-01-01T00:00:00.000Z","cpuPercent":12.5,"load1":0.4}',
    },
  ]);
});

test("while a host cannot be read, ticks are skipped and counted", async () => {
  const reading = deferred<HostReading>();
  const { sensor, put } = sensorWith({ read: () => reading.promise });
  const first = sensor.tick();
  await sensor.tick();
  await sensor.tick();
  expect(sensor.skipped).toEqual({ reading: 2 });
  reading.resolve({});
  await first;
  await sensor.tick();
  expect(put).toHaveLength(2);
});

test("behind a disk that hangs, eight readings wait and the rest are skipped and counted", async () => {
  const disk = deferred();
  let waiting = 0;
  const { sensor } = sensorWith({
    put: () => {
      waiting++;
      return disk.promise;
    },
  });
  const ticks: Promise<void>[] = [];
  for (let i = 0; i < 8; i++) {
    ticks.push(sensor.tick());
    await Promise.resolve(); // the host is read before the next tick comes
  }
  expect(waiting).toBe(8);
  await Promise.all([sensor.tick(), sensor.tick()]);
  expect([waiting, sensor.skipped]).toEqual([8, { "puts-waiting": 2 }]);
  disk.resolve();
  await Promise.all(ticks);
  await sensor.tick();
  expect(waiting).toBe(9);
});

test("a refused put is counted by its code, told once, and told again after a success", async () => {
  let isFull = true;
  const { sensor, events } = sensorWith({
    put: () => (isFull ? Promise.reject(new DeviceError("spool-full", "full")) : Promise.resolve()),
  });
  await sensor.tick();
  await sensor.tick();
  expect([sensor.skipped, events.length]).toEqual([{ "spool-full": 2 }, 1]);
  isFull = false;
  await sensor.tick();
  isFull = true;
  await sensor.tick();
  expect([sensor.skipped, events.length]).toEqual([{ "spool-full": 3 }, 2]);
});

test("what is no refusal of ours is a bug and comes out", async () => {
  const { sensor } = sensorWith({ put: () => Promise.reject(new TypeError("bug")) });
  await expect(sensor.tick()).rejects.toThrow(TypeError);
});
