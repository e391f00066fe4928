import { expect, test } from "vitest";
import type { LogEvent } from "../api.js";
import { Paths } from "../files/paths.js";
import { DiskOver } from "../testing/disk-over.js";
import { FaultDisk } from "../testing/index.js";
import { pathsOf, range } from "../testing/records.js";
import { Quarantine } from "./quarantine.js";

async function source(bytes: number) {
  const disk = new FaultDisk(1);
  const paths = new Paths("/data");
  for (const directory of [paths.journals, paths.quarantine]) await disk.makeDirectory(directory);
  const path = paths.journal(7);
  const opened = await disk.open(path, "create");
  await opened.write([Buffer.alloc(bytes, "x")], 0);
  const file = { fileId: { low: 1, high: 2 }, fileNumber: 7, path, isSegment: false, bytes };
  const events: LogEvent[] = [];
  return { disk, file, events, context: { disk, paths, report: (event: LogEvent) => void events.push(event) } };
}

const kept = (disk: FaultDisk) => pathsOf(disk, "").filter((path) => path.includes("/quarantine/"));

test("of ever so many stretches at most 1,000 are put aside, over all starts", async () => {
  const { disk, file, context } = await source(20_000);
  for (const offsets of [range(0, 600), range(0, 1200)]) {
    const quarantine = new Quarantine(context);
    for (const offset of offsets) await quarantine.keep(file, offset * 8, 8);
  }
  expect(kept(disk)).toHaveLength(1000);
  expect(await new Quarantine(context).keep(file, 8, 8)).toBe(kept(disk).find((path) => path.endsWith("-8")));
  expect(await new Quarantine(context).keep(file, 1100 * 8, 8)).toBeUndefined();
});

test("a copy that a crash cut short is made again, and what bears its name is whole", async () => {
  for (let cutAt = 1; cutAt <= 6; cutAt++) {
    const { disk, file, context } = await source(3_000_000);
    const from = disk.operations;
    disk.plan = ({ number }) => (number === from + cutAt ? "power-cut" : undefined);
    await expect(new Quarantine(context).keep(file, 0, 3_000_000)).rejects.toThrow("simulated");
    const next = disk.afterKill();
    const whole = kept(next).filter((path) => !path.endsWith(".tmp"));
    expect(whole.map((path) => next.files().get(path))).toEqual(whole.map(() => 3_000_000));
    const aside = await new Quarantine({ ...context, disk: next }).keep(file, 0, 3_000_000);
    expect(kept(next)).toEqual([aside]);
    expect(next.bytesOf(aside!).equals(Buffer.alloc(3_000_000, "x"))).toBe(true);
  }
});

test("what was put aside stays, its name as well, after a power cut", async () => {
  const { disk, file, context } = await source(3000);
  const aside = await new Quarantine(context).keep(file, 100, 2000);
  const next = disk.powerOn();
  expect(next.bytesOf(aside!).equals(Buffer.alloc(2000, "x"))).toBe(true);
});

test("where it cannot be told what is there, nothing is put aside, and that is all", async () => {
  const { disk, file, events, context } = await source(3000);
  await new Quarantine(context).keep(file, 100, 2000);
  class Unreadable extends DiskOver {
    override open(path: string, mode: "read" | "write" | "create") {
      return path.includes("/quarantine/") ? Promise.reject(new Error("EACCES")) : super.open(path, mode);
    }
  }
  const quarantine = new Quarantine({ ...context, disk: new Unreadable(disk) });
  for (const offset of [0, 8]) expect(await quarantine.keep(file, offset, 8)).toBeUndefined();
  expect(events.map(({ message }) => message)).toEqual(["bytes not put aside", "bytes not put aside"]);
});
