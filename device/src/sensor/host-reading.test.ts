import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HostReader } from "./host-reading.js";

let root: string;
beforeEach(async () => (root = await mkdtemp(join(tmpdir(), "host-reading-"))));
afterEach(() => rm(root, { recursive: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
}

function openReader(data = root): Promise<HostReader> {
  return HostReader.open({ proc: join(root, "proc"), sys: join(root, "sys"), data });
}

// As a Raspberry Pi 4 with kernel 6.1 shows them, shortened.
const raspberryPi = {
  "proc/stat": "cpu  1000 0 500 8000 500 0 0 0 0 0\ncpu0 250 0 125 2000 125 0 0 0 0 0\n",
  "proc/loadavg": "0.52 0.58 0.59 1/467 12345\n",
  "proc/meminfo": "MemTotal:        3884096 kB\nMemFree:          123456 kB\nMemAvailable:    2998784 kB\n",
  "proc/uptime": "35021.11 136000.59\n",
  "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
  "sys/class/thermal/thermal_zone0/temp": "48199\n",
};

test("a Raspberry Pi", async () => {
  await write(raspberryPi);
  const reader = await openReader();
  const first = await reader.read();
  expect(first).toMatchObject({
    load1: 0.52,
    load5: 0.58,
    load15: 0.59,
    memoryTotalBytes: 3884096 * 1024,
    memoryAvailableBytes: 2998784 * 1024,
    temperatureCelsius: 48.2,
    uptimeSeconds: 35021.11,
  });
  expect(first.diskTotalBytes).toBeGreaterThan(0);
  expect(first.diskAvailableBytes).toBeGreaterThan(0);
  expect(first).not.toHaveProperty("cpuPercent"); // use is between two readings
  await write({ "proc/stat": "cpu  1030 0 510 8050 510 0 0 0 0 0\n" });
  expect((await reader.read()).cpuPercent).toBe(40);
});

test("a host that has none of it, and whose disk cannot say", async () => {
  const reader = await openReader(join(root, "missing"));
  expect(await reader.read()).toEqual({});
  expect(await reader.read()).toEqual({});
});

test.each([
  [
    "the processor's zone among others",
    {
      "sys/class/thermal/thermal_zone0/type": "acpitz",
      "sys/class/thermal/thermal_zone0/temp": "27800",
      "sys/class/thermal/thermal_zone1/type": "x86_pkg_temp",
      "sys/class/thermal/thermal_zone1/temp": "61000",
    },
    61,
  ],
  ["the first zone where none is the processor's", { "sys/class/thermal/thermal_zone0/temp": "-5600" }, -5.6],
  ["a hardware monitor where there is no zone", { "sys/class/hwmon/hwmon2/temp1_input": "39850" }, 39.9],
  ["nothing where the sensor shows nonsense", { "sys/class/thermal/thermal_zone0/temp": "-274000" }, undefined],
  ["nothing where the sensor shows nothing", { "sys/class/thermal/thermal_zone0/temp": "\n" }, undefined],
])("temperature: %s", async (_name, files, celsius) => {
  await write(files);
  expect((await (await openReader()).read()).temperatureCelsius).toBe(celsius);
});

test("this host can be read", async () => {
  const reader = await HostReader.open({ proc: "/proc", sys: "/sys", data: tmpdir() });
  expect((await reader.read()).diskTotalBytes).toBeGreaterThan(0);
});
