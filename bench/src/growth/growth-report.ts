import type { Machine } from "../machine.js";
import type { Spread } from "../median.js";

/** A cloud under load, with so much retained. */
export interface LoadFigures {
  readonly shards: number;
  readonly diskBytes: number;
  readonly recordsPerSecond: number;
  readonly cpuUsPerRecord: number;
  readonly callMsP99: number;
  /** At the end of the load. */
  readonly rssBytes: number;
}

/** Starts of a cloud with so much retained. */
export interface StartFigures {
  readonly shards: number;
  readonly after: "SIGTERM" | "SIGKILL amid writing";
  readonly diskBytes: number;
  /** From the spawn to the ready line. */
  readonly readyMs: Spread;
  /** What of it was CPU time of the process: the rest is waiting, also for the other processes of a busy machine. */
  readonly readyCpuMs: Spread;
  readonly firstPutMs: Spread;
  readonly firstGetMs: Spread;
  /** After these calls, the median. */
  readonly rssBytes: number;
}

/** One who keeps records in memory. */
export interface PeerFigures {
  readonly what: string;
  /** Of records. */
  readonly retainedBytes: number;
  readonly rssBeforeBytes: number;
  readonly rssBytes: number;
}

export interface GrowthFigures {
  readonly loads: readonly LoadFigures[];
  readonly starts: readonly StartFigures[];
  readonly peers: readonly PeerFigures[];
}

export interface GrowthReport extends GrowthFigures {
  /** What a start may take. */
  readonly readyMsMax: number;
  readonly machine: Machine & {
    /** Processes that ran or waited to, over the minute before the bench. */
    readonly loadBefore: number;
  };
}

/** For people. */
export function growthTable({ loads, starts, peers, readyMsMax, machine }: GrowthReport): string {
  const { commit, node, cpu, cores, disk, loadBefore } = machine;
  return [
    row("PutRecords", "on disk GB", "records/s", "CPU µs a record", "call p99 ms", "RSS MB"),
    ...loads.map((one) =>
      row(
        shardsText(one.shards),
        gb(one.diskBytes),
        number(one.recordsPerSecond, 0),
        number(one.cpuUsPerRecord, 2),
        number(one.callMsP99, 0),
        mb(one.rssBytes),
      ),
    ),
    "",
    row(
      "start",
      "on disk GB",
      `ready ms (< ${number(readyMsMax, 0)})`,
      "CPU ms",
      "first put ms",
      "first get ms",
      "RSS MB",
    ),
    ...starts.map((one) =>
      row(
        `${shardsText(one.shards)}, ${one.after}`,
        gb(one.diskBytes),
        spread(one.readyMs),
        spread(one.readyCpuMs),
        spread(one.firstPutMs),
        spread(one.firstGetMs),
        mb(one.rssBytes),
      ),
    ),
    "",
    row("in memory", "records GB", "RSS before MB", "RSS MB"),
    ...peers.map((one) => row(one.what, gb(one.retainedBytes), mb(one.rssBeforeBytes), mb(one.rssBytes))),
    "",
    "starts: median (least–most); the load generator shares the cores",
    `commit ${commit}, Node ${node}, ${cores} cores of ${cpu}, data on ${disk}, load ${loadBefore.toFixed(1)} before`,
  ].join("\n");
}

/** For machines: one line. */
export function growthLine({ machine, readyMsMax, ...figures }: GrowthReport, shape: object): string {
  const units = { recordsPerSecond: "records/s", cpuUsPerRecord: "µs of the server's CPU time a record" };
  return JSON.stringify({ bench: "growth", units, shape, limits: { readyMs: readyMsMax }, ...machine, ...figures });
}

function row(first: string, ...cells: readonly string[]): string {
  return first.padEnd(36) + cells.map((text) => text.padStart(22)).join("");
}

function shardsText(shards: number): string {
  return `${shards} shard${shards === 1 ? "" : "s"}`;
}

function number(value: number, digits: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

const gb = (bytes: number): string => (bytes / 1e9).toFixed(2);
const mb = (bytes: number): string => number(bytes / 1e6, 0);

function spread({ median, min, max }: Spread): string {
  return `${number(median, 0)} (${number(min, 0)}–${number(max, 0)})`;
}
