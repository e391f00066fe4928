import { expect, test } from "vitest";
import { frameHeaderBytes, setUint64, stampFrame } from "../format/frame.js";
import { holdTimers } from "../journal/testing/held-timers.js";
import { FaultDisk } from "../testing/index.js";
import { all, fill, numbers, pathsOf, range, record, untilIdle } from "../testing/records.js";
import { fillFormer, formerBytes, openReusing, reusedOf, withSpares } from "../testing/reused-files.js";

const pass = holdTimers();

test("after a kill or a power cut at any operation, nothing of a file's former life is served or told as torn", async () => {
  let killed = 0;
  let torn = 0;
  let reused = 0;
  for (let cutAt = 1; cutAt < 330; cutAt += 5) {
    const disk = new FaultDisk(cutAt);
    const log = await withSpares(disk);
    const from = disk.operations;
    disk.plan = ({ number }) => (number >= from + cutAt ? "power-cut" : undefined);
    const acknowledged = { a: 0, b: 0 };
    try {
      for (let i = 0; i < 40; i++) {
        for (const name of ["a", "b"] as const) {
          await log.append(name, [record(i)]);
          acknowledged[name]++;
        }
        if (i % 9 === 0) await pass(200);
      }
    } catch (error) {
      if (!disk.isOff) throw error;
    }
    const isKill = cutAt % 2 === 1;
    const next = isKill ? disk.afterKill() : disk.powerOn();
    reused += reusedOf(next).length;
    const reopened = await openReusing(next);
    for (const name of ["a", "b"] as const) {
      const found = await numbers(reopened, name);
      expect([acknowledged[name], acknowledged[name] + 1]).toContain(found.length);
      expect(found).toEqual(range(0, found.length));
    }
    expect(await numbers(reopened, "former")).toEqual([]);
    // A kill tears nothing; a power cut no more than the batch of one record that it came into.
    const tornBytesMax = isKill ? 0 : 1400;
    expect(reopened.damage().filter(({ kind, bytes }) => kind === "damaged" || bytes > tornBytesMax)).toEqual([]);
    torn += reopened.damage().length;
    killed += Number(isKill);
    await reopened.close();
  }
  expect(killed).toBeGreaterThan(20);
  expect(torn).toBeGreaterThan(2);
  expect(reused).toBeGreaterThan(30);
});

/** What a journal held whose frames lay where those of the tests below do. */
async function formerLife(bytes: number): Promise<Buffer> {
  const disk = new FaultDisk(5);
  const log = await openReusing(disk);
  await log.createShards(["former"]);
  await fillFormer(log, 15);
  const journal = disk.bytesOf(pathsOf(disk, ".journal")[0]!);
  return Buffer.concat([journal.subarray(0, bytes)], bytes);
}

/** A log that was killed while it wrote over a file: ten records of `a`, one batch each, and what was there before. */
async function killedAmidReused(): Promise<{ disk: FaultDisk; path: string; former: Buffer; offsets: number[] }> {
  const disk = new FaultDisk(6);
  const before = await withSpares(disk);
  await before.close();
  const start = disk.afterKill();
  for (const path of pathsOf(start, ".journal")) await start.remove(path);
  const spare = pathsOf(start, ".spare").at(-1)!;
  const former = await formerLife(start.files().get(spare)!);
  await put(start, spare, former, 0);
  const log = await openReusing(start);
  await fill(log, "a", 0, 10);
  const disk2 = start.afterKill();
  const [path] = reusedOf(disk2);
  const bytes = disk2.bytesOf(path!);
  const offsets = range(0, 10).map((i) => bytes.indexOf(record(i).data as Buffer) - 56);
  for (const index of pathsOf(disk2, ".index")) await disk2.remove(index);
  // The frames of both lives lie at the same places.
  const at = offsets[3]!;
  expect(former.subarray(at + 8, at + 12)).toEqual(bytes.subarray(at + 8, at + 12));
  expect(former.subarray(at + 16, at + 24)).not.toEqual(bytes.subarray(at + 16, at + 24));
  return { disk: disk2, path: path!, former, offsets };
}

async function put(disk: FaultDisk, path: string, bytes: Uint8Array, offset: number): Promise<void> {
  await (await disk.open(path, "write")).write([bytes], offset);
}

test("a frame in whose place the disk has kept one of the former life is damage, and costs itself alone", async () => {
  const { disk, path, former, offsets } = await killedAmidReused();
  const [from, end] = [offsets[4]!, offsets[4]! + 1056];
  await put(disk, path, former.subarray(from, end), from);
  const log = await openReusing(disk);
  expect(await numbers(log, "a")).toEqual(range(0, 10).filter((i) => i !== 4));
  expect(log.damage()).toMatchObject([{ file: path, offset: from, bytes: end - from, kind: "damaged" }]);
  expect(disk.bytesOf(log.damage()[0]!.quarantine!)).toEqual(former.subarray(from, end));
  expect(await log.append("a", [record(10)])).toMatchObject({ position: 10 });
});

test("of a last batch that is torn into frames of the former life, what is its own is kept and put aside", async () => {
  const { disk, path, former, offsets } = await killedAmidReused();
  // The last record's second half, its mark, and whole batches behind it are those of the former life.
  const from = offsets[9]! + 500;
  await put(disk, path, former.subarray(from), from);
  const log = await openReusing(disk);
  expect(await numbers(log, "a")).toEqual(range(0, 9));
  expect(log.damage()).toMatchObject([{ file: path, offset: offsets[9]!, bytes: 1056, kind: "torn" }]);
  expect(disk.bytesOf(log.damage()[0]!.quarantine!).subarray(56, 60).toString()).toBe("9   ");
});

test("a last batch whose head alone is damaged is still told by the id that it bears", async () => {
  const { disk, path, offsets } = await killedAmidReused();
  await put(disk, path, Buffer.from([1, 2, 3, 4]), offsets[9]!);
  await put(disk, path, Buffer.alloc(64), offsets[9]! + 1056); // the mark
  const log = await openReusing(disk);
  expect(await numbers(log, "a")).toEqual(range(0, 9));
  expect(log.damage()).toMatchObject([{ file: path, offset: offsets[9]!, bytes: 56, kind: "torn" }]);
});

test("without a header of its own, or with that of the former life, a file is known by its name", async () => {
  for (const lost of [Buffer.alloc(40), undefined]) {
    const { disk, path, former } = await killedAmidReused();
    await put(disk, path, lost ?? former.subarray(0, 40), 0);
    const log = await openReusing(disk);
    expect(await numbers(log, "a")).toEqual(range(0, 10));
    expect(log.damage()).toMatchObject([{ file: path, offset: 0, bytes: 40, kind: "damaged" }]);
    await log.close();
  }
});

test("a file of which nothing was written over yet holds nothing, and nothing of it is told or put aside", async () => {
  const { disk, path, former } = await killedAmidReused();
  await put(disk, path, former, 0);
  const log = await openReusing(disk);
  for (const name of ["a", "b", "former"]) expect(await numbers(log, name)).toEqual([]);
  expect(log.damage()).toEqual([]);
  expect([...disk.files().keys()].filter((file) => file.includes("quarantine"))).toEqual([]);
  expect(await log.append("former", [record(0)])).toMatchObject({ position: 100 });
});

test("a journal that a kill left with bytes of its former life behind its own is copied, not renamed", async () => {
  const disk = new FaultDisk(7);
  const log = await withSpares(disk);
  await fill(log, "a", 0, 12);
  await pass(200); // the idle mark: all of it is known to be acknowledged
  const next = disk.afterKill();
  const [path] = reusedOf(next);
  expect(next.bytesOf(path!).includes(formerBytes)).toBe(true);
  const reopened = await openReusing(next);
  await untilIdle(next);
  const segments = pathsOf(next, ".segment");
  expect(segments.length).toBeGreaterThan(0);
  for (const segment of segments) expect(next.bytesOf(segment).includes("ffff")).toBe(false);
  expect(reopened.damage()).toEqual([]);
  await reopened.close();

  const last = next.afterKill();
  for (const index of pathsOf(last, ".index")) await last.remove(index);
  const scanned = await openReusing(last);
  expect(await numbers(scanned, "a")).toEqual(range(0, 12));
  expect(scanned.damage()).toEqual([]);
});

test("a reader tells where the disk has kept a frame of the former life, of another shard or of its own, once", async () => {
  for (const shard of [0, 1]) {
    const disk = new FaultDisk(8);
    const log = await withSpares(disk);
    await fill(log, "a", 0, 60);
    await untilIdle(disk);
    const path = pathsOf(disk, ".segment").find((one) => disk.bytesOf(one).includes(record(25).data as Buffer))!;
    const bytes = disk.bytesOf(path);
    const offset = bytes.indexOf(record(25).data as Buffer) - frameHeaderBytes;
    const former = Buffer.from(bytes.subarray(offset, offset + 1056));
    const view = new DataView(former.buffer, former.byteOffset, former.length);
    view.setUint32(28, shard, true);
    setUint64(view, 32, 3);
    stampFrame(view, 0, { fileId: { low: 1, high: 2 }, batch: 4, ordinal: 0, offset });
    await put(disk, path, former, offset);
    for (let reading = 0; reading < 3; reading++)
      expect(await numbers(log, "a")).toEqual(range(0, 60).filter((i) => i !== 25));
    expect(log.damage()).toEqual([{ file: path, offset, bytes: 1056, kind: "damaged", shard: "a" }]);
    // From behind it on, nothing is missing.
    expect((await log.read("a", 26, all)).frames).toHaveLength(34);
    expect(log.stats().damageFound).toBe(1);
    await log.close();
  }
});
