import { expect, test } from "vitest";
import type { Disk, DiskFile } from "../api.js";
import { DiskOver } from "../testing/disk-over.js";
import { FaultDisk } from "../testing/index.js";
import { numbers, openSmall, range, record, untilIdle } from "../testing/records.js";
import { type LogFile, ReadHandles } from "./log-file.js";

async function fileOf(disk: Disk, number: number): Promise<LogFile> {
  const path = `/${number}`;
  const file = await disk.open(path, "create");
  await file.write([Buffer.from(`file ${number}`)], 0);
  await file.close();
  return { fileId: { low: number, high: 0 }, fileNumber: number, path, isSegment: true, bytes: 8 };
}

async function read(handles: ReadHandles, file: LogFile): Promise<string> {
  const buffer = Buffer.alloc(`file ${file.fileNumber}`.length);
  await handles.read(file, buffer, 0);
  return buffer.toString();
}

test("never are more files open than may be, however many are read at once, and each reader gets its bytes", async () => {
  const disk = new CountedReaders(new FaultDisk(1));
  const files = await Promise.all(range(0, 50).map((number) => fileOf(disk, number)));
  const handles = new ReadHandles(disk, 4);
  const reads = range(0, 500).map((i) => read(handles, files[(i * 7) % 50]!));
  expect(await Promise.all(reads)).toEqual(range(0, 500).map((i) => `file ${(i * 7) % 50}`));
  expect(disk.mostOpen).toBe(4);
  // What was used last is still open.
  const opened = disk.openings;
  for (let i = 0; i < 3; i++) await read(handles, files[(499 * 7) % 50]!);
  expect(disk.openings).toBe(opened);
  await handles.closeAll();
  expect(disk.openNow).toBe(0);
});

test("a file that cannot be opened takes nobody's place, nor does one that is closed while it is read", async () => {
  const disk = new CountedReaders(new FaultDisk(2));
  const files = await Promise.all(range(0, 10).map((number) => fileOf(disk, number)));
  const handles = new ReadHandles(disk, 2);
  const missing = range(20, 30).map((number) => ({ ...files[0]!, path: `/${number}` }));
  const outcomes = await Promise.allSettled([...missing, ...files].map((file) => read(handles, file)));
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...missing.map(() => "rejected"),
    ...files.map(() => "fulfilled"),
  ]);
  const reading = files.map((file) => read(handles, file));
  await Promise.all(files.slice(0, 2).map((file) => handles.close(file)));
  expect(await Promise.all(reading)).toHaveLength(10);
  expect(disk.mostOpen).toBe(2);
  await Promise.all([...files.map((file) => read(handles, file)), handles.closeAll()]);
  expect(disk.openNow).toBe(0);
});

test("a log whose 300 shards are all read at once has 128 files open", async () => {
  const below = new FaultDisk(3);
  const disk = new CountedReaders(below);
  const names = range(0, 300).map((i) => `shard ${i}`);
  const log = await openSmall(disk, { journals: 1, journalBytesMax: 100_000 });
  await log.createShards(names);
  await Promise.all(names.map((name, i) => log.append(name, [record(i)])));
  await log.close();
  const reopened = await openSmall(disk, { journals: 1 });
  await untilIdle(below); // each has a segment of its own
  expect(await Promise.all(names.map((name) => numbers(reopened, name)))).toEqual(names.map((_, i) => [i]));
  expect(disk.mostOpen).toBe(128);
  await reopened.close();
  expect(disk.openNow).toBe(0);
});

/** Counts the files that are open for reading. */
class CountedReaders extends DiskOver {
  openNow = 0;
  mostOpen = 0;
  openings = 0;

  override async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    if (mode !== "read") return super.open(path, mode);
    this.openNow++;
    this.mostOpen = Math.max(this.mostOpen, this.openNow);
    this.openings++;
    const closed = () => void this.openNow--;
    try {
      const file = await super.open(path, mode);
      return { ...file, close: async () => file.close().finally(closed) };
    } catch (error) {
      closed();
      throw error;
    }
  }
}
