import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setInterval } from "node:timers/promises";
import { nodeDisk } from "@headwater/log";
import { videoClientId } from "@headwater/protocol";
import { systemClock } from "../clock/system-clock.js";
import type { Report } from "../report.js";
import { Device } from "../sdk/device.js";
import { parseGateway } from "../sdk/options.js";
import { HostReader } from "../sensor/host-reading.js";
import { HostSensor } from "../sensor/host-sensor.js";
import { mqttConnect } from "../uplink/mqtt-connection.js";
import { startChild } from "../video/capture/capture-child.js";
import { openCamera } from "../video/capture/open-camera.js";
import { Video } from "../video/video.js";
import { deviceMetrics } from "./metrics.js";
import { deviceIdOf, type Settings } from "./settings.js";
import { registerVideoMetrics } from "./video-metrics.js";

/** A running agent, as the command line needs it. */
export interface Agent {
  readonly addresses: Readonly<Record<string, string>>;
  health(): { readonly ok: boolean; readonly [detail: string]: unknown };
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Opens the device and begins to read the host and its cameras.
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
  const video = await openVideo(settings, id, password, report).catch(async (error: unknown) => {
    await device.close();
    throw error;
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
  if (video !== undefined) registerVideoMetrics(registry, video);
  return {
    addresses: { gateway },
    health() {
      const status = device.status();
      const seen = video?.state();
      // A gateway out of reach is what the spool is for, and a camera may be off; a disk that takes nothing is an ill.
      const ok = [status, ...(seen?.cameras ?? [])].every(({ disk }) => disk === "ok");
      return { ok, device: id, ...status, sensorSkipped: sensor.skipped, ...(seen && { video: seen }) };
    },
    metrics: () => registry.metrics(),
    async stop() {
      stopping.abort();
      await Promise.all([ticking, video?.close()]);
      await device.close();
    },
  };
}

/** The cameras, where there are some. */
async function openVideo(
  { cameras, clockTrusted, data, gateway, username }: Settings,
  device: string,
  password: string | undefined,
  report: Report,
): Promise<Video | undefined> {
  const address = parseGateway(gateway);
  if (cameras.length === 0 || typeof address === "string") return undefined;
  const clock = await systemClock(clockTrusted);
  const credentials = password === undefined ? {} : { username: username ?? device, password };
  return Video.open(
    { device, data, cameras, report },
    {
      disk: nodeDisk(),
      clock,
      connect: mqttConnect({ ...address, device: videoClientId(device), ...credentials }),
      openCamera: (camera) => openCamera(camera, startChild, clock),
      random: Math.random,
    },
  );
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
