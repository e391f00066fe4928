import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { DiskFile, Log } from "./api.js";
import { openLog } from "./open.js";
import { DiskOver } from "./testing/disk-over.js";
import { holdTimers } from "./journal/testing/held-timers.js";
import { type DiskFault, FaultDisk, ManualClock } from "./testing/index.js";
import { all, openSmall, pathsOf, untilIdle } from "./testing/records.js";
import { Sessions, damagedOf, runs } from "./testing/sessions.js";

const scenarios = fc.record({
  seed: fc.nat(),
  shards: fc.integer({ min: 1, max: 6 }),
  journals: fc.integer({ min: 1, max: 3 }),
  sharedAppendBytesMax: fc.constantFrom(0, 1500, 10_000),
  spareBytesMax: fc.constantFrom(0, 8000, 60_000),
  isEven: fc.boolean(),
});
const pass = holdTimers();

test("whatever fails, and when: nothing acknowledged is lost, and it goes on when the disk does", async () => {
  let failures = 0;
  let reused = 0;
  await fc.assert(
    fc.asyncProperty(scenarios, async (scenario) => {
      const sessions = new Sessions(scenario, pass);
      const { random } = sessions;
      let disk = new FaultDisk(scenario.seed);
      for (let round = 0; round < 4; round++) {
        const rate = random() * 0.1;
        const faults: DiskFault[] = ["EIO", "ENOSPC", "short-write"];
        disk.plan = () => {
          if (random() >= rate) return undefined;
          failures++;
          return faults[Math.floor(random() * faults.length)];
        };
        const log = await sessions.session(disk, 40);
        disk.plan = () => undefined;
        // Or else the process ends amid the trouble.
        if (log !== undefined && random() < 0.5) await worksAgain(sessions, log);
        expect(damagedOf(log)).toEqual([]);
        const ends = random();
        if (ends < 0.3) await log?.close();
        vi.clearAllTimers(); // the process is gone
        disk = ends < 0.6 ? disk.powerOn() : disk.afterKill();
      }
      reused += sessions.reused.size;
      const log = await sessions.session(disk.powerOn(), 0);
      expect(damagedOf(log)).toEqual([]);
      await log?.close();
    }),
    { numRuns: runs(), endOnFailure: true },
  );
  expect(failures).toBeGreaterThan(runs());
  expect(reused).toBeGreaterThan(runs());
}, 3_600_000);

async function worksAgain({ history, names }: Sessions, log: Log): Promise<void> {
  for (const name of names) expect(await history.append(log, name, 2, 100)).toBeUndefined();
  await pass(20_000); // what could not be settled or trimmed is tried again
  await history.check(log);
}

async function smallLog(disk: FaultDisk): Promise<Log> {
  return openLog({ directory: "/data", disk, clock: new ManualClock(), journalBytesMax: 8000 });
}

/** Answers what ended it. */
async function fillUp(append: () => Promise<void>): Promise<unknown> {
  try {
    for (;;) await append();
  } catch (error) {
    return error;
  }
}

test("a full disk refuses appends, lets read and trim, and takes appends again when there is room", async () => {
  const disk = new FaultDisk(1);
  const log = await smallLog(disk);
  await log.createShards(["s"]);
  const frame = { data: Buffer.alloc(900, 1) };
  disk.capacityBytes = 60_000;
  let appended = 0;
  const refused = await fillUp(async () => {
    await log.append("s", [frame]);
    appended++;
  });
  expect(refused).toMatchObject({ code: "disk-full" });
  expect(appended).toBeGreaterThan(20);
  expect(log.stats().failedAppends).toEqual({ "disk-full": 1 });
  const { frames } = await log.read("s", 0, { frames: 1000, bytes: 1_000_000 });
  expect(frames.map(({ position }) => position)).toEqual(Array.from({ length: appended }, (_, i) => i));

  await log.trimBefore("s", appended - 1);
  await pass(20_000);
  expect(await log.append("s", [frame])).toMatchObject({ position: appended });
  await log.close();
});

test("a log opens on a full disk, and serves what it holds", async () => {
  const disk = new FaultDisk(2);
  const log = await smallLog(disk);
  await log.createShards(["a", "b"]);
  for (let i = 0; i < 5; i++) {
    await log.append("a", [{ data: Buffer.from(`a${i}`) }]);
    await log.append("b", [{ data: Buffer.from(`b${i}`) }]);
  }
  const restarted = disk.afterKill();
  restarted.capacityBytes = 0;
  const reopened = await smallLog(restarted);
  for (const name of ["a", "b"]) {
    const { frames } = await reopened.read(name, 0, { frames: 10, bytes: 1000 });
    expect(frames.map(({ data }) => data.toString())).toEqual([0, 1, 2, 3, 4].map((i) => `${name}${i}`));
  }
  await expect(reopened.append("a", [{ data: Buffer.alloc(1) }])).rejects.toMatchObject({ code: "disk-full" });
  restarted.capacityBytes = Infinity;
  expect(await reopened.append("a", [{ data: Buffer.alloc(1) }])).toMatchObject({ position: 5 });
  await reopened.close();
});

test("after a failed sync its bytes are not trusted: they are failed, and written to another file", async () => {
  const disk = new FaultDisk(3);
  const log = await smallLog(disk);
  await log.createShards(["s"]);
  await log.append("s", [{ data: Buffer.from("first") }]);
  const journals = () => [...disk.files().keys()].filter((path) => path.endsWith(".journal"));
  const [before] = journals();
  disk.plan = ({ kind, path }) => (kind === "sync" && path === before ? "EIO" : undefined);
  const lost = log.append("s", [{ data: Buffer.from("lost") }]);
  const behind = log.append("s", [{ data: Buffer.from("behind") }]);
  await expect(lost).rejects.toMatchObject({ code: "disk-failed" });
  await expect(behind).rejects.toMatchObject({ code: "disk-failed" });
  expect(await log.append("s", [{ data: Buffer.from("second") }])).toMatchObject({ position: 1 });
  disk.plan = () => undefined;

  const reopened = await smallLog(disk.powerOn());
  const { frames } = await reopened.read("s", 0, { frames: 10, bytes: 1000 });
  expect(frames.map(({ position, data }) => [position, data.toString()])).toEqual([
    [0, "first"],
    [1, "second"],
  ]);
  await reopened.close();
});

test("what a start finds in the cache though its sync failed is on disk before it is served", async () => {
  let found = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const disk = new FaultDisk(seed);
    const log = await smallLog(disk);
    await log.createShards(["s"]);
    if (seed % 2 === 0) await log.append("s", [{ data: Buffer.from("first") }]);
    // Nor is the file removed, as one of which nothing was acknowledged would be: the kill comes first.
    const fails = new Set(["sync", "remove"]);
    disk.plan = ({ kind, path }) => (fails.has(kind) && path.endsWith(".journal") ? "EIO" : undefined);
    const frames = [1, 2, 3].map(() => ({ data: Buffer.alloc(900, "doubtful") }));
    await expect(log.append("s", frames)).rejects.toMatchObject({ code: "disk-failed" });
    // The process is killed, and the next one serves from the journal what was written. Then the power goes.
    const restarted = disk.afterKill();
    restarted.plan = ({ kind, path }) => (kind === "create" && path.includes("/shards/") ? "EIO" : undefined);
    const served = await openSmall(restarted);
    const before = (await served.read("s", 0, all)).frames;
    found += before.length;
    const reopened = await openSmall(restarted.powerOn());
    expect((await reopened.read("s", 0, all)).frames).toEqual(before);
    await reopened.close();
  }
  expect(found).toBeGreaterThan(60);
});

test("a mark that a kill left in the cache is on the disk before its journal becomes a segment, where it would look like damage", async () => {
  let renamed = 0;
  for (let seed = 1; seed <= 128; seed++) {
    const disk = new FaultDisk(seed);
    const log = await smallLog(disk);
    await log.createShards(["s"]);
    // So that the mark lies on one sector or on two, at any place.
    await log.append("s", [{ data: Buffer.alloc(1000 + 8 * seed, "r") }]);
    // The process ends amid the sync of the mark that an idle journal gets.
    disk.plan = ({ kind }) => (kind === "sync" ? "power-cut" : undefined);
    await pass(1000);
    const killed = disk.afterKill();
    // Without its sidecar a segment is read as a whole.
    killed.plan = ({ path }) => (path.endsWith("segments.index") ? "EIO" : undefined);
    await smallLog(killed);
    await untilIdle(killed);
    renamed += pathsOf(killed, ".segment").length;
    const reopened = await smallLog(killed.powerOn());
    expect(reopened.damage(), `seed ${seed}`).toEqual([]);
    expect((await reopened.read("s", 0, all)).frames).toHaveLength(1);
  }
  expect(renamed).toBe(128);
});

test("of a journal that failed, nothing comes back that was failed, whichever removals the power cut keeps", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const disk = new FaultDisk(seed);
    const log = await openLog({
      directory: "/data",
      disk,
      clock: new ManualClock(),
      journals: 1,
      journalBytesMax: 3000,
    });
    await log.createShards(["s", "t"]);
    await log.append("s", [{ data: Buffer.from("first") }]);
    disk.plan = ({ kind, path }) => (kind === "sync" && path.endsWith("0000000001.journal") ? "EIO" : undefined);
    await expect(log.append("s", [{ data: Buffer.from("failed") }])).rejects.toMatchObject({ code: "disk-failed" });
    disk.plan = () => undefined;
    // Two shards, so that the journal is copied and removed, after the one that failed.
    for (const name of ["s", "t", "s"]) await log.append(name, [{ data: Buffer.alloc(900, name) }]);
    await untilIdle(disk);
    const reopened = await smallLog(disk.powerOn());
    const { frames } = await reopened.read("s", 0, { frames: 10, bytes: 10_000 });
    expect(frames.map(({ position, data }) => [position, data.toString("latin1", 0, 5)])).toEqual([
      [0, "first"],
      [1, "sssss"],
      [2, "sssss"],
    ]);
    await reopened.close();
  }
});

test("failed appends on a full disk leave no files behind, and cost the same each", async () => {
  const disk = new FaultDisk(4);
  const log = await smallLog(disk);
  await log.createShards(["s"]);
  await log.append("s", [{ data: Buffer.alloc(10) }]);
  disk.plan = ({ kind }) => (kind === "write" ? "ENOSPC" : undefined);
  const costs: number[] = [];
  for (let i = 0; i < 60; i++) {
    const from = disk.operations;
    await expect(log.append("s", [{ data: Buffer.alloc(10) }])).rejects.toMatchObject({ code: "disk-full" });
    await untilIdle(disk);
    costs.push(disk.operations - from);
  }
  expect([...disk.files().keys()].filter((path) => path.endsWith(".journal")).length).toBeLessThan(4);
  expect(costs.at(-1)).toBe(costs.at(-2));
  expect(costs.at(-1)).toBe(costs[10]);
});

test("on a disk without room even for the table, trimming what lies in journals makes room again", async () => {
  const disk = new FaultDisk(5);
  const log = await openLog({
    directory: "/data",
    disk,
    clock: new ManualClock(),
    journals: 1,
    journalBytesMax: 200_000,
  });
  await log.createShards(["s"]);
  disk.capacityBytes = 60_000;
  for (const bytes of [900, 10])
    await fillUp(async () => {
      await log.append("s", [{ data: Buffer.alloc(bytes) }]);
    });
  await log.trimBefore("s", log.bounds("s").next);
  for (let i = 0; i < 5; i++) await pass(20_000);
  await expect(log.append("s", [{ data: Buffer.alloc(900) }])).resolves.toMatchObject({
    position: log.bounds("s").next,
  });
});

test("sectors that cannot be read cost their own frames, in journals and segments, of the table and of sidecars", async () => {
  const disk = new UnreadableDisk(new FaultDisk(6));
  const log = await openLog({
    directory: "/data",
    disk,
    clock: new ManualClock(),
    journals: 1,
    journalBytesMax: 20_000,
  });
  await log.createShards(["s"]);
  for (let i = 0; i < 50; i++) await log.append("s", [{ data: Buffer.alloc(1000) }]);
  await pass(1000);
  await log.close();
  disk.unreadable = (path) => (/index$|shards-a/.test(path) ? 0 : 8192);
  const reopened = await openLog({ directory: "/data", disk, clock: new ManualClock(), journals: 1 });
  let read = 0;
  for (let position = 0; position < 50;) {
    const { frames, next } = await reopened.read("s", position, { frames: 10, bytes: 4000 });
    read += frames.length;
    position = next;
  }
  // One page of each of three files, and what it touches.
  expect(read).toBeGreaterThanOrEqual(50 - 3 * 6);
  expect(read).toBeLessThan(50);
  expect(damagedOf(reopened).length).toBeGreaterThan(0);
  expect(await reopened.append("s", [{ data: Buffer.alloc(1) }])).toMatchObject({ position: 50 });
});

/** Of each file one page, from the offset that is told for its path, fails to be read. */
class UnreadableDisk extends DiskOver {
  unreadable: ((path: string) => number) | undefined;

  override async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    const file = await super.open(path, mode);
    const from = this.unreadable?.(path);
    if (from === undefined) return file;
    return {
      ...file,
      read: async (buffer, offset) => {
        if (offset < from + 512 && offset + buffer.length > from)
          throw Object.assign(new Error("simulated EIO"), { code: "EIO" });
        return await file.read(buffer, offset);
      },
    };
  }
}
