import type { Machine } from "./machine.js";
import type { Measured } from "./measure.js";
import { type Spread, spreadOf } from "./median.js";

/** What was sent, the same to every server. */
export interface Shape {
  readonly connections: number;
  readonly records: number;
  readonly recordBytes: number;
  readonly measureMs: number;
}

/** One server's figures over all runs. */
export interface Summary extends Record<keyof Measured, Spread> {
  readonly what: string;
}

export function summarise(what: string, runs: readonly Measured[]): Summary {
  const of = (figure: keyof Measured): Spread => spreadOf(runs.map((run) => run[figure]));
  return {
    what,
    recordsPerSecond: of("recordsPerSecond"),
    cpuUsPerRecord: of("cpuUsPerRecord"),
    callMsP50: of("callMsP50"),
    callMsP99: of("callMsP99"),
  };
}

/** For people. */
export function table(
  results: readonly Summary[],
  runs: number,
  { connections, records, recordBytes, measureMs }: Shape,
  { commit, node, cpu, cores, disk }: Machine,
): string {
  return [
    line("durable PutRecords", "records/s", "CPU µs a record", "call p50 ms", "call p99 ms"),
    ...results.map((one) =>
      line(
        one.what,
        cell(one.recordsPerSecond, 0),
        cell(one.cpuUsPerRecord, 2),
        cell(one.callMsP50, 1),
        cell(one.callMsP99, 1),
      ),
    ),
    `median (least–most) of ${runs} runs of ${measureMs / 1000} s; ${recordBytes}-byte records, ${records} a call, ` +
      `${connections} connections;`,
    "the cloud verifies each signature and syncs before it answers, shard limits are lifted; the load generator shares the cores",
    `commit ${commit}, Node ${node}, ${cores} cores of ${cpu}, data on ${disk}`,
  ].join("\n");
}

/** For machines: one line. */
export function jsonLine(
  results: readonly Summary[],
  runs: number,
  { connections, records, recordBytes, measureMs }: Shape,
  machine: Machine,
): string {
  return JSON.stringify({
    bench: "quick",
    units: {
      recordsPerSecond: "records/s",
      cpuUsPerRecord: "µs of the server's CPU time a record",
      callMsP50: "ms",
      callMsP99: "ms",
    },
    shape: { connections, recordsPerCall: records, recordBytes, measureMs },
    runs,
    ...machine,
    results,
  });
}

function line(first: string, ...cells: readonly string[]): string {
  return first.padEnd(32) + cells.map((text) => text.padStart(28)).join("");
}

function cell({ median, min, max }: Spread, digits: number): string {
  const text = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: digits });
  return `${text(median)} (${text(min)}–${text(max)})`;
}
