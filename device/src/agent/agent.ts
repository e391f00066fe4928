import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setInterval } from "node:timers/promises";
import type { Report } from "../report.js";
import { Device } from "../sdk/device.js";
import { HostReader } from "../sensor/host-reading.js";
import { HostSensor } from "../sensor/host-sensor.js";
import { deviceMetrics } from "./metrics.js";
import { deviceIdOf, type Settings } from "./settings.js";

/** A running agent, as the command line needs it. */
export interface Agent {
  readonly addresses: Readonly<Record<string, string>>;
  health(): { readonly ok: boolean; readonly [detail: string]: unknown };
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Opens the device and begins to read the host.
 * @throws {DeviceError} as {@link Device.open} does; a message for the operator where the password file cannot be read.
 */
export async function startAgent(settings: Settings, report: Report): Promise<Agent> {
  const { clockTrusted, data, gateway, hostSensor, onFull, passwordFile, spoolBytesMax, username } = settings;
  const id = settings.id ?? deviceIdOf(hostname());
  const password = passwordFile === undefined ? settings.password : await readPassword(passwordFile);
  const device = await Device.open({
    id,
    data,
    gateway,
    spoolBytesMax,
    onFull,
    clockTrusted,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    report,
  });
  const reader = await HostReader.open({ proc: "/proc", sys: "/sys", data });
  const sensor = new HostSensor({
    stream: hostSensor.stream,
    partitionKey: hostSensor.partitionKey ?? id,
    now: Date.now,
    read: () => reader.read(),
    put: (record) => device.putRecord(record),
    report,
  });
  const stopping = new AbortController();
  const ticking = hostSensor.enabled ? tick(sensor, hostSensor.intervalMs, stopping.signal) : Promise.resolve();
  const registry = deviceMetrics(device, sensor);
  return {
    addresses: { gateway },
    health() {
      const status = device.status();
      // A gateway out of reach is what the spool is for; a disk that takes nothing is not.
      return { ok: status.disk === "ok", device: id, ...status, sensorSkipped: sensor.skipped };
    },
    metrics: () => registry.metrics(),
    async stop() {
      stopping.abort();
      await ticking;
      await device.close();
    },
  };
}

async function tick(sensor: HostSensor, intervalMs: number, signal: AbortSignal): Promise<void> {
  const ticks = setInterval(intervalMs, undefined, { signal });
  try {
    void sensor.tick();
    for await (const _ of ticks) void sensor.tick();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function readPassword(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new Error(`passwordFile: cannot read ${path}`, { cause });
  }
  const [password = ""] = text.split(/\r?\n/, 1);
  if (password === "") throw new Error(`passwordFile: the first line of ${path} is empty`);
  return password;
}
