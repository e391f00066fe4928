import type { Disk, Frame, Log, LogOptions, ReadLimits } from "../api.js";
import { openLog } from "../open.js";
import type { FaultDisk } from "./fault-disk.js";
import { ManualClock } from "./manual-clock.js";

const clock = new ManualClock();

/** More than any test appends. */
export const all: ReadLimits = { frames: 10_000, bytes: 100_000_000 };

/** Opens a log whose journals are full with some eighteen of the numbered records. */
export function openSmall(disk: Disk, options: Partial<LogOptions> = {}): Promise<Log> {
  return openLog({ directory: "/data", disk, clock, journalBytesMax: 20_000, ...options });
}

/** A frame for each text. */
export const framesOf = (...texts: string[]): { data: Buffer }[] => texts.map((text) => ({ data: Buffer.from(text) }));

/** A numbered record of 1,000 bytes. */
export const record = (i: number): Frame => ({ data: Buffer.from(`${i}`.padEnd(1000)) });

/** Appends the records of a range of numbers, one after the other. */
export async function fill(log: Log, name: string, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) await log.append(name, [record(i)]);
}

/** The numbers of all records that a shard holds. */
export async function numbers(log: Log, name: string): Promise<number[]> {
  return (await log.read(name, 0, all)).frames.map(({ data }) => Number(data.toString()));
}

export const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** Paths of the files whose names end so, sorted. */
export function pathsOf(disk: FaultDisk, suffix: string): string[] {
  return [...disk.files().keys()].filter((path) => path.endsWith(suffix)).toSorted();
}

/** Waits until nothing is left to do: journals are being settled beside everything else. */
export async function untilIdle(disk: FaultDisk): Promise<void> {
  for (let before = -1; before !== disk.operations;) {
    before = disk.operations;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
