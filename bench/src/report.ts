import type { Machine } from "./machine.js";
import type { Measured } from "./measure.js";
import { type Spread, spreadOf } from "./median.js";

/** What a bench asks, beside its figures. */
export interface Report {
  readonly bench: string;
  /** What is counted, for the table's head. */
  readonly title: string;
  readonly runs: number;
  /** The same for every server; lands in the JSON line as it is. */
  readonly shape: Readonly<Record<string, number>>;
  /** What a reader must know of the conditions. */
  readonly notes: readonly string[];
  readonly machine: Machine;
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
export function table(results: readonly Summary[], { title, runs, shape, notes, machine }: Report): string {
  const { commit, node, cpu, cores, disk } = machine;
  return [
    line(title, "records/s", "CPU µs a record", "call p50 ms", "call p99 ms"),
    ...results.map((one) =>
      line(
        one.what,
        cell(one.recordsPerSecond, 0),
        cell(one.cpuUsPerRecord, 2),
        cell(one.callMsP50, 1),
        cell(one.callMsP99, 1),
      ),
    ),
    `median (least–most) of ${runs} runs; ${Object.entries(shape)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")}`,
    ...notes,
    `commit ${commit}, Node ${node}, ${cores} cores of ${cpu}, data on ${disk}`,
  ].join("\n");
}

/** For machines: one line. */
export function jsonLine(results: readonly Summary[], { bench, runs, shape, machine }: Report): string {
  return JSON.stringify({
    bench,
    units: {
      recordsPerSecond: "records/s",
      cpuUsPerRecord: "µs of the server's CPU time a record",
      callMsP50: "ms",
      callMsP99: "ms",
    },
    shape,
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
