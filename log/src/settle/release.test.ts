import { expect, test } from "vitest";
import { holdTimers } from "../journal/testing/held-timers.js";
import { FaultDisk } from "../testing/index.js";
import { fill, numbers, openSmall, pathsOf, range, record } from "../testing/records.js";

const pass = holdTimers();

test("a trim frees disk by whole segments, and is known after a power cut", async () => {
  const disk = new FaultDisk(7);
  const log = await openSmall(disk);
  await log.createShards(["s"]);
  await fill(log, "s", 0, 100);
  await pass(1000);
  const bytesBefore = log.stats().diskBytes;
  await log.trimBefore("s", 50);
  await pass(1000);
  expect(pathsOf(disk, ".segment")).toHaveLength(3);
  expect(log.stats().diskBytes).toBeLessThan(bytesBefore * 0.7);
  expect(await numbers(log, "s")).toEqual(range(50, 100));

  const restarted = disk.powerOn();
  const reopened = await openSmall(restarted);
  expect(reopened.bounds("s")).toMatchObject({ first: 50, next: 100 });
  expect(await numbers(reopened, "s")).toEqual(range(50, 100));
  await reopened.close();
});

test("bounds and stats tell the bytes that are there, through settling, trims, deletion and restarts", async () => {
  let disk = new FaultDisk(19);
  let log = await openSmall(disk, { journals: 2 });
  const segmentBytes = () => pathsOf(disk, ".segment").reduce((sum, path) => sum + disk.files().get(path)!, 0);
  await log.createShards(["s", "t", "u"]);
  for (let next = 0, trimmed = 0; next < 200; next += 10) {
    for (const name of ["s", "t", "u"]) await fill(log, name, next, next + 10);
    if (next === 100) {
      await log.deleteShard("u");
      await log.createShards(["u"]);
    }
    for (const position of [trimmed + 1, (trimmed += 7)]) {
      await log.trimBefore("s", position);
      expect(log.bounds("s")).toMatchObject({ first: position, bytes: (next + 10 - position) * 1000 });
      if (next % 20 === 0) await pass(12_000);
      expect(log.bounds("s").bytes).toBe((next + 10 - position) * 1000);
    }
    expect(log.bounds("t").bytes).toBe((next + 10) * 1000);
    if (next % 40 !== 0) continue;
    await log.close();
    disk = disk.afterKill();
    log = await openSmall(disk, { journals: 2 });
    await pass(12_000); // settles all that was left, so that there are only segments
    expect(pathsOf(disk, ".journal")).toEqual([]);
    // A file's last mark may not count.
    expect(log.stats().diskBytes).toBeLessThanOrEqual(segmentBytes());
    expect(log.stats().diskBytes).toBeGreaterThanOrEqual(segmentBytes() - 64 * pathsOf(disk, ".segment").length);
  }
  expect(segmentBytes()).toBeGreaterThan(200_000);
  await log.close();
});

test("a trim that frees nothing is written down within ten seconds", async () => {
  const disk = new FaultDisk(8);
  const log = await openSmall(disk);
  await log.createShards(["s"]);
  await fill(log, "s", 0, 5);
  await log.trimBefore("s", 3);
  await pass(10_000);
  const reopened = await openSmall(disk.powerOn());
  expect(reopened.bounds("s")).toMatchObject({ first: 3, next: 5 });
  await reopened.close();
});

test("positions go on where everything was trimmed and removed", async () => {
  let disk = new FaultDisk(9);
  const log = await openSmall(disk, { journals: 1 });
  await log.createShards(["s", "t"]);
  for (let i = 0; i < 20; i++) for (const name of ["s", "t"]) await log.append(name, [record(i)]);
  await log.trimBefore("s", 20);
  await pass(1000);
  await log.close();
  for (let restart = 0; restart < 2; restart++) {
    disk = disk.powerOn();
    const reopened = await openSmall(disk, { journals: 1 });
    expect(pathsOf(disk, ".segment").filter((path) => path.includes("/shards/0/"))).toEqual([]);
    expect(reopened.bounds("s")).toMatchObject({ first: 20 + restart, next: 20 + restart });
    expect(await reopened.append("s", [record(0)])).toMatchObject({ position: 20 + restart });
    await reopened.trimBefore("s", 1000);
    await pass(10_000);
    await reopened.close();
  }
});

test("on a disk that cannot even write the table, trimming removes segments all the same", async () => {
  const disk = new FaultDisk(10);
  const log = await openSmall(disk);
  await log.createShards(["s"]);
  await fill(log, "s", 0, 100);
  await pass(1000);
  disk.plan = ({ kind }) => (kind === "create" || kind === "write" ? "ENOSPC" : undefined);
  await expect(log.append("s", [record(0)])).rejects.toMatchObject({ code: "disk-full" });
  await log.trimBefore("s", 90);
  await pass(1000);
  expect(pathsOf(disk, ".segment").length).toBeLessThanOrEqual(2);
  expect(await numbers(log, "s")).toEqual(range(90, 100));

  // The table does not know of it; what was acknowledged and not trimmed is there, and no position comes again.
  const reopened = await openSmall(disk.powerOn());
  expect((await numbers(reopened, "s")).slice(-10)).toEqual(range(90, 100));
  expect(await reopened.append("s", [record(100)])).toMatchObject({ position: 100 });
  await reopened.close();
});

test("where the table cannot be written and all is trimmed, the last segment stays to tell the next position", async () => {
  const disk = new FaultDisk(14);
  const log = await openSmall(disk);
  await log.createShards(["s"]);
  await fill(log, "s", 0, 36);
  await pass(1000);
  expect(pathsOf(disk, ".journal")).toEqual([]);
  expect(pathsOf(disk, ".segment")).toHaveLength(2);
  disk.plan = ({ kind, path }) => (kind === "create" && path.endsWith(".tmp") ? "EIO" : undefined);
  await log.trimBefore("s", 36);
  await pass(1000);
  expect(pathsOf(disk, ".segment")).toHaveLength(1);
  expect(await numbers(log, "s")).toEqual([]);
  const reopened = await openSmall(disk.powerOn());
  expect(await reopened.append("s", [record(36)])).toMatchObject({ position: 36 });
  await reopened.close();
});

test("a state outlives the trimming of everything around it, and moves where only it keeps a large segment", async () => {
  const disk = new FaultDisk(11);
  const log = await openSmall(disk, { journalBytesMax: 400_000 });
  await log.createShards(["s"]);
  await fill(log, "s", 0, 100);
  await log.putState("s", Buffer.from("mine"));
  await fill(log, "s", 100, 800);
  await pass(1000);
  const [first] = pathsOf(disk, ".segment");
  await log.trimBefore("s", 790);
  await pass(30_000);
  expect(pathsOf(disk, ".segment")).not.toContain(first);
  expect(await log.getState("s")).toEqual({ position: 100, state: Buffer.from("mine") });

  const reopened = await openSmall(disk.powerOn(), { journalBytesMax: 400_000 });
  expect(await reopened.getState("s")).toEqual({ position: 100, state: Buffer.from("mine") });
  expect(await numbers(reopened, "s")).toEqual(range(790, 800));
  await reopened.close();
});

test("a state moves once the disk allows, though the owner's next one and a first attempt failed", async () => {
  const disk = new FaultDisk(15);
  const log = await openSmall(disk, { journalBytesMax: 400_000 });
  await log.createShards(["s"]);
  await log.putState("s", Buffer.from("mine"));
  await fill(log, "s", 0, 800);
  await pass(1000);
  const [first] = pathsOf(disk, ".segment");
  disk.plan = ({ kind, path }) => (kind === "sync" && path.endsWith(".journal") ? "EIO" : undefined);
  await expect(log.putState("s", Buffer.from("next"))).rejects.toMatchObject({ code: "disk-failed" });
  await log.trimBefore("s", 790);
  await pass(1000);
  expect(pathsOf(disk, ".segment")).toContain(first);
  disk.plan = () => undefined;
  await pass(10_000);
  expect(pathsOf(disk, ".segment")).not.toContain(first);
  expect(await log.getState("s")).toEqual({ position: 0, state: Buffer.from("mine") });
  const reopened = await openSmall(disk.powerOn(), { journalBytesMax: 400_000 });
  expect(await reopened.getState("s")).toEqual({ position: 0, state: Buffer.from("mine") });
  await reopened.close();
});

test("a state that its owner puts while the old one is about to move counts, and what kept the old one goes", async () => {
  const large = { data: Buffer.alloc(100_000) };
  for (let turns = 0; turns < 50; turns++) {
    const disk = new FaultDisk(16);
    const log = await openSmall(disk, { journalBytesMax: 300_000 });
    await log.createShards(["s"]);
    await log.putState("s", Buffer.from("mine"));
    for (let i = 0; i < 4; i++) await log.append("s", [large]);
    await pass(1000);
    const [first] = pathsOf(disk, ".segment");
    const written: string[] = [];
    disk.plan = ({ kind, path }) => void (kind === "syncDirectory" && written.push(path));
    await log.trimBefore("s", 3);
    // Both copies of the table are written; then the old state is read, and the owner comes in one of these turns.
    while (written.length < 2) await Promise.resolve();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    await log.putState("s", Buffer.from("next"));
    await pass(30_000);
    expect(await log.getState("s")).toEqual({ position: 4, state: Buffer.from("next") });
    expect(pathsOf(disk, ".segment")).not.toContain(first);
    await log.close();
  }
});

test("a state in a small segment stays where it is, through trims, settling by copy and restarts", async () => {
  let disk = new FaultDisk(12);
  let log = await openSmall(disk, { journals: 1 });
  await log.createShards(["s", "t"]);
  await log.putState("s", Buffer.from("old"));
  await log.append("s", [record(0)]);
  await log.putState("s", Buffer.from("mine"));
  for (let i = 1; i < 60; i++) for (const name of ["s", "t"]) await log.append(name, [record(i)]);
  await pass(1000);
  await log.trimBefore("s", 60);
  await pass(30_000);
  for (let restart = 0; restart < 3; restart++) {
    expect(await log.getState("s")).toEqual({ position: 1, state: Buffer.from("mine") });
    expect(await numbers(log, "s")).toEqual([]);
    disk = disk.powerOn();
    log = await openSmall(disk, { journals: 1 });
  }
  expect(await log.append("s", [record(60)])).toMatchObject({ position: 60 });
  await log.close();
});

test("a shard whose segment cannot be deleted keeps nobody else's, and is freed when the disk allows", async () => {
  const disk = new FaultDisk(17);
  const log = await openSmall(disk);
  await log.createShards(["s", "t"]);
  for (const name of ["s", "t"]) await fill(log, name, 0, 40);
  await pass(1000);
  const segmentsOf = (shard: number) =>
    pathsOf(disk, ".segment").filter((path) => path.includes(`/shards/${shard}/`)).length;
  expect([segmentsOf(0), segmentsOf(1)]).toEqual([2, 2]);
  disk.plan = ({ kind, path }) => (kind === "remove" && path.includes("/shards/0/") ? "EIO" : undefined);
  for (const name of ["s", "t"]) await log.trimBefore(name, 39);
  await pass(1000);
  expect([segmentsOf(0), segmentsOf(1)]).toEqual([2, 0]);
  disk.plan = () => undefined;
  await pass(10_000);
  expect([segmentsOf(0), segmentsOf(1)]).toEqual([0, 0]);
  await log.close();
});

test("a trim that could not be written down is written down when the disk allows", async () => {
  const disk = new FaultDisk(18);
  const log = await openSmall(disk);
  await log.createShards(["s"]);
  await fill(log, "s", 0, 5);
  disk.plan = ({ path }) => (path.includes("/shards-") ? "EIO" : undefined);
  await log.trimBefore("s", 3);
  await pass(15_000);
  disk.plan = () => undefined;
  await pass(10_000);
  const reopened = await openSmall(disk.powerOn());
  expect(reopened.bounds("s")).toMatchObject({ first: 3, next: 5 });
  await reopened.close();
});

test("a deleted shard takes its files with it, also where a crash comes first", async () => {
  const disk = new FaultDisk(13);
  const log = await openSmall(disk);
  await log.createShards(["s", "t"]);
  await fill(log, "s", 0, 50);
  await log.append("t", [record(0)]);
  await pass(1000);
  expect(pathsOf(disk, ".segment").length).toBeGreaterThan(0);
  disk.plan = ({ kind, path }) => (kind === "remove" && path.includes("/shards/") ? "power-cut" : undefined);
  await log.deleteShard("s");
  const restarted = disk.powerOn();
  const reopened = await openSmall(restarted);
  expect(reopened.shards()).toEqual(["t"]);
  expect([...restarted.files().keys()].filter((path) => path.includes("/shards/0/"))).toEqual([]);
  expect(await numbers(reopened, "t")).toEqual([0]);
  await reopened.close();
});
