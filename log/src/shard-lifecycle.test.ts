import { expect, test } from "vitest";
import type { Log } from "./api.js";
import { openLog } from "./open.js";
import { holdTimers } from "./journal/testing/held-timers.js";
import { FaultDisk, ManualClock } from "./testing/index.js";
import { openSmall } from "./testing/records.js";

const pass = holdTimers();
const clock = new ManualClock();

async function texts(log: Log, name: string): Promise<string[]> {
  return (await log.read(name, 0, { frames: 1000, bytes: 1_000_000 })).frames.map(({ data }) => data.toString());
}

/** The table of shards cannot be written. */
function failTable(disk: FaultDisk): void {
  disk.plan = ({ path }) => (path.includes("shards-") ? "ENOSPC" : undefined);
}

test("a shard whose creation failed is not there, and can be made afterwards", async () => {
  const disk = new FaultDisk(1);
  const log = await openSmall(disk);
  failTable(disk);
  await expect(log.createShards(["a"])).rejects.toMatchObject({ code: "disk-full" });
  expect(log.shards()).toEqual([]);
  await expect(log.append("a", [{ data: Buffer.from("lost") }])).rejects.toMatchObject({ code: "no-such-shard" });
  disk.plan = () => undefined;
  await log.createShards(["a"]);
  await log.append("a", [{ data: Buffer.from("kept") }]);
  expect(await texts(await openSmall(disk.powerOn()), "a")).toEqual(["kept"]);
});

test("of calls that make the same shard at once, each says whether it was made", async () => {
  const disk = new FaultDisk(2);
  const log = await openSmall(disk);
  let writes = 0;
  disk.plan = ({ kind, path }) => (kind === "sync" && path.includes("shards-a") && ++writes === 1 ? "EIO" : undefined);
  const first = log.createShards(["a"]);
  const second = log.createShards(["a", "b"]);
  const outcomes = await Promise.allSettled([first, second]);
  const next = await openSmall(disk.powerOn());
  // Whoever was told that it is there finds it.
  for (const name of outcomes[1].status === "fulfilled" ? ["a", "b"] : []) expect(next.shards()).toContain(name);
  expect(outcomes[0].status).toBe("rejected");
});

test("without its table the log does not open, and nothing is deleted", async () => {
  const disk = new FaultDisk(3);
  const log = await openSmall(disk);
  await log.createShards(["a"]);
  await log.append("a", [{ data: Buffer.from("of a") }]);
  // Both copies of the table are lost; the journal stays.
  await disk.remove("/data/shards-a.json");
  await disk.remove("/data/shards-b.json");
  await disk.syncDirectory("/data");
  const next = disk.powerOn();
  const before = next.files();
  await expect(openSmall(next)).rejects.toMatchObject({ code: "disk-failed" });
  expect(next.files()).toEqual(before);
});

test("a deletion that could not be written down takes no more appends, and can be repeated", async () => {
  const disk = new FaultDisk(4);
  const log = await openSmall(disk);
  await log.createShards(["a"]);
  await log.append("a", [{ data: Buffer.from("kept") }]);
  disk.plan = ({ kind, path }) => (kind === "rename" && path.includes("shards-b") ? "EIO" : undefined);
  await expect(log.deleteShard("a")).rejects.toMatchObject({ code: "disk-failed" });
  // One copy of the table already says that it is gone: what it would take now could be lost.
  await expect(log.append("a", [{ data: Buffer.from("late") }])).rejects.toMatchObject({ code: "no-such-shard" });
  disk.plan = () => undefined;
  await log.deleteShard("a");
  await log.createShards(["a"]);
  expect(await texts(log, "a")).toEqual([]);
});

test("a shard that is made while its namesake is deleted is a new one", async () => {
  const disk = new FaultDisk(5);
  const log = await openSmall(disk);
  await log.createShards(["a"]);
  await log.append("a", [{ data: Buffer.from("old") }]);
  const deleted = log.deleteShard("a");
  await expect(log.append("a", [{ data: Buffer.from("late") }])).rejects.toMatchObject({ code: "no-such-shard" });
  await log.createShards(["a"]);
  await deleted;
  await log.append("a", [{ data: Buffer.from("new") }]);
  expect(await texts(await openSmall(disk.powerOn()), "a")).toEqual(["new"]);
});

test("segments before a durable trim go at the next start, if a crash kept them from going", async () => {
  const disk = new FaultDisk(6);
  const log = await openSmall(disk);
  await log.createShards(["s"]);
  for (let i = 0; i < 100; i++) await log.append("s", [{ data: Buffer.alloc(1000) }]);
  await pass(1000);
  disk.plan = ({ kind, path }) => (kind === "remove" && path.includes("/shards/") ? "power-cut" : undefined);
  await log.trimBefore("s", 90);
  await pass(1000);
  const next = disk.powerOn();
  const reopened = await openSmall(next);
  expect(reopened.bounds("s").first).toBe(90);
  await pass(1000);
  expect([...next.files().keys()].filter((path) => path.endsWith(".segment")).length).toBeLessThanOrEqual(2);
});

test("closing wakes who waits, even where the table cannot be written", async () => {
  const disk = new FaultDisk(7);
  const log = await openSmall(disk);
  await log.createShards(["s"]);
  const woken = log.grown("s", 0, new AbortController().signal);
  failTable(disk);
  await log.close();
  await expect(woken).resolves.toBeUndefined();
});

test("a log opens whose last batch has very many frames", async () => {
  const disk = new FaultDisk(8);
  const log = await openLog({ directory: "/data", disk, clock });
  await log.createShards(["s"]);
  await log.append(
    "s",
    Array.from({ length: 130_000 }, () => ({ data: Buffer.alloc(0) })),
  );
  expect((await openLog({ directory: "/data", disk: disk.afterKill(), clock })).bounds("s").next).toBe(130_000);
});

test("segments are freed after a settling that found only the shard's state", async () => {
  const disk = new FaultDisk(9);
  const log = await openLog({ directory: "/data", disk, clock, journals: 1, journalBytesMax: 20_000 });
  await log.createShards(["s", "t"]);
  const frame = { data: Buffer.alloc(1000) };
  for (let i = 0; i < 3; i++) await log.append("s", [frame]);
  await log.putState("s", Buffer.from("watermarks"));
  await log.trimBefore("s", 3);
  for (let i = 0; i < 30; i++) await log.append("t", [frame]);
  await pass(20_000);
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 10; i++) for (const name of ["s", "t"]) await log.append(name, [frame]);
    await log.putState("s", Buffer.from("watermarks"));
    for (const name of ["s", "t"]) await log.trimBefore(name, log.bounds(name).next);
    await pass(20_000);
  }
  const segments = [...disk.files().keys()].filter((path) => path.includes("/shards/0/") && path.endsWith(".segment"));
  expect(segments.length).toBeLessThan(4);
  await log.close();
});

test("no damage where a renamed journal also holds frames of a deleted shard", async () => {
  const disk = new FaultDisk(10);
  const one = { directory: "/data", clock, journals: 1, journalBytesMax: 20_000 };
  const log = await openLog({ ...one, disk });
  await log.createShards(["s", "deleted"]);
  const frame = { data: Buffer.alloc(1000) };
  for (let i = 0; i < 5; i++) for (const name of ["s", "deleted"]) await log.append(name, [frame]);
  await log.deleteShard("deleted");
  for (let i = 0; i < 20; i++) await log.append("s", [frame]);
  await pass(20_000);
  await log.close();
  for (const path of disk.files().keys()) if (path.endsWith(".index")) await disk.remove(path);
  const reopened = await openLog({ ...one, disk });
  expect(reopened.damage()).toEqual([]);
  expect((await texts(reopened, "s")).length).toBe(25);
});
