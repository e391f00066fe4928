import { readdir, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import { parseProcessorTimes, type ProcessorTimes, processorPercent } from "./processor-usage.js";

/** What a host says of itself at one moment. What it does not have is left out. */
export interface HostReading {
  /** Use of all processors since the reading before. */
  readonly cpuPercent?: number;
  readonly load1?: number;
  readonly load5?: number;
  readonly load15?: number;
  readonly memoryTotalBytes?: number;
  readonly memoryAvailableBytes?: number;
  /** Of the file system that holds the data directory. */
  readonly diskTotalBytes?: number;
  readonly diskAvailableBytes?: number;
  /** Of the processor, where that can be told from other sensors; otherwise of the first there is. */
  readonly temperatureCelsius?: number;
  readonly uptimeSeconds?: number;
}

/** Where the host's files lie; tests have their own. */
export interface HostPaths {
  readonly proc: string;
  readonly sys: string;
  readonly data: string;
}

/** Reads the host, whose temperature sensor is looked for once. */
export class HostReader {
  readonly #paths: HostPaths;
  readonly #temperatureFile: string | undefined;
  #times: ProcessorTimes | undefined;

  static async open(paths: HostPaths): Promise<HostReader> {
    return new HostReader(paths, await findTemperature(paths.sys));
  }

  private constructor(paths: HostPaths, temperatureFile: string | undefined) {
    this.#paths = paths;
    this.#temperatureFile = temperatureFile;
  }

  /** Never rejects for what the host does not have. */
  async read(): Promise<HostReading> {
    const { proc, data } = this.#paths;
    const [stat, loadavg, meminfo, uptime, temperature] = await Promise.all([
      text(join(proc, "stat")),
      text(join(proc, "loadavg")),
      text(join(proc, "meminfo")),
      text(join(proc, "uptime")),
      this.#temperatureFile === undefined ? undefined : text(this.#temperatureFile),
    ]);
    const [load1, load5, load15] = (loadavg ?? "").split(" ").map(number);
    return compact({
      cpuPercent: this.#cpuPercent(stat),
      load1,
      load5,
      load15,
      memoryTotalBytes: kibibytes(meminfo, "MemTotal"),
      memoryAvailableBytes: kibibytes(meminfo, "MemAvailable"),
      ...(await disk(data)),
      temperatureCelsius: temperature === undefined ? undefined : celsius(temperature),
      uptimeSeconds: number((uptime ?? "").split(" ")[0]),
    });
  }

  #cpuPercent(stat: string | undefined): number | undefined {
    const before = this.#times;
    this.#times = stat === undefined ? undefined : parseProcessorTimes(stat);
    if (before === undefined || this.#times === undefined) return undefined;
    const percent = processorPercent(before, this.#times);
    return percent === undefined ? undefined : Math.round(percent * 10) / 10;
  }
}

async function disk(path: string): Promise<{ diskTotalBytes?: number; diskAvailableBytes?: number }> {
  try {
    const { blocks, bavail, bsize } = await statfs(path);
    return { diskTotalBytes: blocks * bsize, diskAvailableBytes: bavail * bsize };
  } catch {
    return {}; // a file system that cannot say
  }
}

/** The processor's thermal zone, else the first zone, else the first hardware monitor. */
async function findTemperature(sys: string): Promise<string | undefined> {
  const thermal = join(sys, "class/thermal");
  const zones = (await entries(thermal)).filter((name) => name.startsWith("thermal_zone"));
  const found: { readonly file: string; readonly type: string }[] = [];
  for (const zone of zones) {
    const file = join(thermal, zone, "temp");
    if (celsius((await text(file)) ?? "") === undefined) continue;
    found.push({ file, type: (await text(join(thermal, zone, "type"))) ?? "" });
  }
  const processor = found.find(({ type }) => /cpu|x86_pkg|soc/i.test(type)) ?? found[0];
  if (processor !== undefined) return processor.file;
  const monitors = join(sys, "class/hwmon");
  for (const monitor of await entries(monitors)) {
    const file = join(monitors, monitor, "temp1_input");
    if (celsius((await text(file)) ?? "") !== undefined) return file;
  }
  return undefined;
}

/** Thousandths of a degree; a sensor that is off shows nonsense or nothing. */
function celsius(text: string): number | undefined {
  const value = number(text);
  return value === undefined || value < -100_000 || value > 250_000 ? undefined : Math.round(value / 100) / 10;
}

function kibibytes(meminfo: string | undefined, key: string): number | undefined {
  const match = new RegExp(`^${key}: +(\\d+) kB$`, "m").exec(meminfo ?? "");
  return match === null ? undefined : Number(match[1]) * 1024;
}

function number(text: string | undefined): number | undefined {
  const value = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

async function text(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "latin1");
  } catch {
    return undefined; // this host does not have it
  }
}

async function entries(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch {
    return []; // this host does not have it
  }
}

function compact(reading: { readonly [Key in keyof HostReading]: HostReading[Key] | undefined }): HostReading {
  return Object.fromEntries(Object.entries(reading).filter(([, value]) => value !== undefined));
}
