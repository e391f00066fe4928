import { basename } from "node:path";
import { expect, test } from "vitest";
import type { Disk, Log } from "./api.js";
import { holdTimers } from "./journal/testing/held-timers.js";
import { DiskOver } from "./testing/disk-over.js";
import { FaultDisk } from "./testing/index.js";
import { fill, numbers, pathsOf, range, record, untilIdle } from "./testing/records.js";
import { fillFormer, openReusing, reusedOf, sum, withSpares } from "./testing/reused-files.js";

const pass = holdTimers();

const lengths = (disk: FaultDisk, paths: readonly string[]): number[] => paths.map((path) => disk.files().get(path)!);

test("segments that were trimmed and journals that were copied are written over, within the bound", async () => {
  const disk = new FaultDisk(1);
  const log = await withSpares(disk);
  expect(pathsOf(disk, ".segment")).toEqual([]);
  expect(pathsOf(disk, ".spare")).toHaveLength(2);
  expect(sum(lengths(disk, pathsOf(disk, ".spare")))).toBeLessThanOrEqual(50_000);

  const reused = new Set<string>();
  for (let i = 0; i < 100; i++) {
    for (const name of ["a", "b"]) await log.append(name, [record(i)]);
    for (const path of reusedOf(disk)) reused.add(path);
    await untilIdle(disk);
  }
  // Two shards in each file: it is copied, and serves again.
  expect(reused.size).toBeGreaterThan(8);
  expect(pathsOf(disk, ".spare").length + reusedOf(disk).length).toBeLessThanOrEqual(3);
  for (const name of ["a", "b"]) expect(await numbers(log, name)).toEqual(range(0, 100));
  const journals = pathsOf(disk, ".journal").map((path) => path.replace(".journal", ".index"));
  expect(journals).toEqual(expect.arrayContaining(pathsOf(disk, ".index").filter((path) => path.includes("journals"))));
  await log.close();
  const reopened = await openReusing(disk.powerOn());
  for (const name of ["a", "b"]) expect(await numbers(reopened, name)).toEqual(range(0, 100));
  expect(reopened.damage()).toEqual([]);
});

test("what waits to be used again counts among the log's bytes on the disk", async () => {
  const disk = new FaultDisk(2);
  const log = await withSpares(disk);
  const onDisk = () =>
    sum(lengths(disk, [...pathsOf(disk, ".spare"), ...pathsOf(disk, ".segment"), ...reusedOf(disk)]));
  // Until the journal is one of those, too: it is as long as it was.
  await fill(log, "a", 0, 22);
  await untilIdle(disk);
  expect(reusedOf(disk)).toEqual(pathsOf(disk, ".journal"));
  expect(log.stats().diskBytes).toBe(onDisk());
});

test("by default nothing is used again, and what was kept for it is removed by the next start", async () => {
  const disk = new FaultDisk(3);
  await (await withSpares(disk)).close();
  const next = disk.afterKill();
  expect(pathsOf(next, ".spare")).toHaveLength(2);
  const log = await openReusing(next, { spareBytesMax: 0 });
  expect(pathsOf(next, ".spare")).toEqual([]);
  await fill(log, "a", 0, 60);
  await untilIdle(next);
  await log.trimBefore("a", 60);
  await untilIdle(next);
  expect([...pathsOf(next, ".spare"), ...reusedOf(next)]).toEqual([]);
});

test("a start uses again what the one before has kept, and gives no file's number twice", async () => {
  const disk = new FaultDisk(4);
  const log = await withSpares(disk);
  const spares = pathsOf(disk, ".spare");
  await log.close();
  const next = disk.powerOn();
  for (const path of pathsOf(next, ".journal")) await next.remove(path);
  const reopened = await openReusing(next);
  await reopened.append("a", [record(0)]);
  const [journal] = reusedOf(next);
  expect(journal!.slice(0, 25) > spares.at(-1)!.slice(0, 25)).toBe(true);
  expect(pathsOf(next, ".spare")).toEqual(spares.slice(0, 1));
});

test("a page that is written over is written whole, so that the system need not read it first", async () => {
  const disk = new FaultDisk(12);
  const writes = new Writes(disk);
  const log = await withSpares(disk, {}, writes);
  await fill(log, "a", 0, 20);
  const ends = [...writes.ends].filter(([path]) => reusedOf(disk).includes(path)).flatMap(([, offsets]) => offsets);
  expect(ends.length).toBeGreaterThan(5);
  expect(ends.filter((end) => end % 4096 !== 0)).toEqual([]);
});

/** Where the writes of each file ended. */
class Writes extends DiskOver {
  readonly ends = new Map<string, number[]>();

  override async open(path: string, mode: "read" | "write" | "create") {
    const file = await super.open(path, mode);
    const ends = this.ends.get(path) ?? [];
    this.ends.set(path, ends);
    return {
      ...file,
      write: (buffers: readonly Uint8Array[], offset: number) => {
        ends.push(offset + sum(buffers.map(({ length }) => length)));
        return file.write(buffers, offset);
      },
    };
  }
}

test("a file that failed is not used again", async () => {
  const disk = new FaultDisk(8);
  const log = await openReusing(disk);
  await log.createShards(["a", "b"]);
  for (const name of ["a", "b"]) await fill(log, name, 0, 8);
  const [failed] = pathsOf(disk, ".journal");
  disk.plan = ({ kind, path }) => (kind === "sync" && path === failed ? "EIO" : undefined);
  await expect(log.append("a", [record(8)])).rejects.toMatchObject({ code: "disk-failed" });
  const ends = new Map<string, string>();
  disk.plan = ({ kind, path }) => void (path.endsWith(".journal") && ends.set(path, kind));
  await fill(log, "a", 8, 30);
  await fill(log, "b", 8, 30);
  await pass(1000);
  expect(ends.get(failed!)).toBe("remove");
  expect([...ends.values()]).toContain("rename");
  expect(await numbers(log, "a")).toEqual(range(0, 30));
});

test("on a full disk what waits to be used again goes, appends find room, and none is kept for ten minutes", async () => {
  const disk = new FaultDisk(9);
  const log = await withSpares(disk, { spareBytesMax: 100_000 });
  expect(pathsOf(disk, ".spare")).toHaveLength(4);
  // The current journal is a new file, and has no blocks of its own yet.
  disk.capacityBytes = sum([...disk.files().values()]) - 20_000;
  let appended = 0;
  await expect(
    (async () => {
      for (; appended < 1000; appended++) await log.append("a", [record(appended)]);
    })(),
  ).rejects.toMatchObject({ code: "disk-full" });
  await untilIdle(disk);
  expect(pathsOf(disk, ".spare")).toEqual([]);
  await fill(log, "a", appended, appended + 40);
  expect(await numbers(log, "a")).toEqual(range(0, appended + 40));
  await log.trimBefore("a", appended + 40);
  await untilIdle(disk);
  expect(pathsOf(disk, ".spare")).toEqual([]);
});

test.each([
  {
    what: "the table",
    isFull: (path: string) => path.includes("shards-a.json"),
    act: (log: Log) => log.createShards(["c"]),
  },
  {
    what: "settling",
    isFull: (path: string) => path.endsWith(".segment"),
    act: async (log: Log) => {
      for (const name of ["a", "b"]) await fill(log, name, 0, 20);
    },
  },
  { what: "somebody else", isFull: () => false, act: (log: Log) => log.makeRoom() },
])("where $what finds the disk full, what waits to be used again goes, too", async ({ isFull, act }) => {
  const disk = new FaultDisk(13);
  const log = await withSpares(disk, { spareBytesMax: 100_000 });
  expect(pathsOf(disk, ".spare")).not.toEqual([]);
  disk.plan = ({ kind, path }) => ((kind === "create" || kind === "write") && isFull(path) ? "ENOSPC" : undefined);
  await act(log).catch(() => undefined);
  await untilIdle(disk);
  expect(pathsOf(disk, ".spare")).toEqual([]);
});

/** A log whose shard `former` is trimmed as a whole, but for the syncs of directories that this takes. */
async function withTrimUnsynced(seed: number): Promise<{ disk: FaultDisk; held: HeldSyncs; log: Log }> {
  const disk = new FaultDisk(seed);
  const held = new HeldSyncs(disk);
  const log = await openReusing(held);
  await log.createShards(["former", "a"]);
  await fillFormer(log, 40);
  await untilIdle(disk);
  held.isHolding = true;
  await log.trimBefore("former", 40);
  return { disk, held, log };
}

test("no file is written over before its former name, which lies in another directory, is lost for good", async () => {
  const { disk, held, log } = await withTrimUnsynced(14);
  await fill(log, "a", 0, 40);
  await untilIdle(disk);
  expect(reusedOf(disk)).toEqual([]);
  held.letGo();
  await untilIdle(disk);
  await fill(log, "a", 40, 80);
  expect(reusedOf(disk)).not.toEqual([]);
  expect(await numbers(log, "a")).toEqual(range(0, 80));
});

test("what is about to wait to be used again goes, too, where the disk is found full meanwhile", async () => {
  const { disk, held, log } = await withTrimUnsynced(15);
  await untilIdle(disk);
  expect(pathsOf(disk, ".spare")).toHaveLength(1);
  disk.plan = ({ kind, path }) => (kind === "write" && path.endsWith(".journal") ? "ENOSPC" : undefined);
  await expect(log.append("a", [record(0)])).rejects.toMatchObject({ code: "disk-full" });
  held.letGo();
  await untilIdle(disk);
  expect(pathsOf(disk, ".spare")).toEqual([]);
});

/** Holds the syncs of the shards' directories back. */
class HeldSyncs extends DiskOver {
  isHolding = false;
  #letGo: () => void = () => undefined;
  readonly #gone = new Promise<void>((resolve) => (this.#letGo = resolve));

  letGo(): void {
    this.isHolding = false;
    this.#letGo();
  }

  override async syncDirectory(path: string): Promise<void> {
    if (this.isHolding && path.includes("/shards/")) await this.#gone;
    await super.syncDirectory(path);
  }
}

test("a file whose former name a crash has brought back, beside the one under which it waited, is not written over", async () => {
  let both = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const disk = new FaultDisk(seed);
    const log = await openReusing(disk);
    await log.createShards(["former", "a"]);
    await fillFormer(log, 40);
    await untilIdle(disk);
    const segments = pathsOf(disk, ".segment");
    disk.plan = ({ kind, path }) => (kind === "syncDirectory" && path.endsWith("/shards/0") ? "power-cut" : undefined);
    await log.trimBefore("former", 40);
    await untilIdle(disk);
    const next = disk.powerOn();
    const back = segments
      .filter((path) => next.files().has(path))
      .map((path) => `${basename(path).slice(0, 10)}.spare`);
    both += pathsOf(next, ".spare").filter((path) => back.includes(basename(path))).length;
    const reopened = await openReusing(next);
    await fill(reopened, "a", 0, 90);
    await untilIdle(next);
    expect(await numbers(reopened, "a")).toEqual(range(0, 90));
    expect(reopened.damage()).toEqual([]);
    await reopened.close();
    const last = await openReusing(next.powerOn());
    expect(await numbers(last, "a")).toEqual(range(0, 90));
    expect(last.damage()).toEqual([]);
  }
  expect(both).toBeGreaterThan(3);
});

test("who reads a file that is given up reads it to the end before it is written over", async () => {
  const disk = new FaultDisk(10);
  const held = new HeldReads(disk);
  const log = await openReusing(held);
  await log.createShards(["a"]);
  await fill(log, "a", 0, 25);
  await untilIdle(disk);
  expect(pathsOf(disk, ".segment")).toHaveLength(1);
  held.isArmed = true;
  const reading = numbers(log, "a");
  await held.reached;
  await log.trimBefore("a", 18);
  for (let i = 25; i < 70; i++) await log.append("a", [record(i)]);
  await untilIdle(disk);
  expect(reusedOf(disk)).toEqual([]);
  held.goOn();
  expect((await reading).slice(0, 3)).toEqual([0, 1, 2]);
  await untilIdle(disk);
  expect(pathsOf(disk, ".spare")).not.toEqual([]);
  expect(log.damage()).toEqual([]);
});

/** Holds back the first read once it is armed. */
class HeldReads extends DiskOver {
  isArmed = false;
  goOn: () => void = () => undefined;
  readonly reached: Promise<void>;
  #reach: () => void = () => undefined;

  constructor(below: Disk) {
    super(below);
    this.reached = new Promise((resolve) => (this.#reach = resolve));
  }

  override async open(path: string, mode: "read" | "write" | "create") {
    const file = await super.open(path, mode);
    if (mode !== "read") return file;
    return {
      ...file,
      read: async (buffer: Uint8Array, offset: number) => {
        if (this.isArmed) {
          this.isArmed = false;
          this.#reach();
          await new Promise<void>((resolve) => (this.goOn = resolve));
        }
        return file.read(buffer, offset);
      },
    };
  }
}

const formatOf = (disk: FaultDisk): string => disk.bytesOf("/data/format").toString();

test("a directory says that files are used again in it; where a full disk does not let it, none is", async () => {
  const disk = new FaultDisk(11);
  await (await openReusing(disk, { spareBytesMax: 0 })).close();
  expect(formatOf(disk)).toBe("headwater-log 1\n");
  const full = disk.afterKill();
  full.plan = ({ path }) => (path.startsWith("/data/format") ? "ENOSPC" : undefined);
  const log = await withSpares(full);
  expect([formatOf(full), pathsOf(full, ".spare")]).toEqual(["headwater-log 1\n", []]);
  await log.close();
  const roomy = full.afterKill();
  await (await withSpares(roomy)).close();
  expect(formatOf(roomy)).toBe("headwater-log 2\n");
  expect(pathsOf(roomy, ".spare")).not.toEqual([]);
  const off = roomy.afterKill();
  await (await openReusing(off, { spareBytesMax: 0 })).close();
  expect(formatOf(off)).toBe("headwater-log 2\n");
});
