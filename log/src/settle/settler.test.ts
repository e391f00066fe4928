import { expect, test } from "vitest";
import type { Disk } from "../api.js";
import { DiskOver } from "../testing/disk-over.js";
import { holdTimers } from "../journal/testing/held-timers.js";
import { type DiskOperation, FaultDisk } from "../testing/index.js";
import { fill, numbers, openSmall, pathsOf, range, record, untilIdle } from "../testing/records.js";
import { indexEntries } from "./segment-index.js";

const pass = holdTimers();

test("a journal of one shard becomes its segment by its name alone: nothing is copied", async () => {
  const disk = new FaultDisk(1);
  const writes = new CountedBytes(disk);
  const log = await openSmall(writes);
  await log.createShards(["s"]);
  await fill(log, "s", 0, 100);
  await pass(1000);
  const segments = pathsOf(disk, ".segment");
  expect(segments).toHaveLength(5);
  const [sidecar] = pathsOf(disk, "/segments.index");
  expect([...indexEntries(disk.bytesOf(sidecar!))]).toHaveLength(5);
  expect(writes.written(".segment")).toBe(0);
  // Frames and marks of 64 and 56 bytes, and nothing else, were written once.
  expect(writes.written(".journal")).toBeLessThan(100 * (1056 + 64) + 6 * 200);
  expect(await numbers(log, "s")).toEqual(range(0, 100));
  await log.close();

  const reopened = await openSmall(disk.powerOn());
  expect(await numbers(reopened, "s")).toEqual(range(0, 100));
  expect(reopened.damage()).toEqual([]);
  await reopened.close();
});

test("what an earlier process left is settled only after the delay, or when a journal is sealed, and in order", async () => {
  for (const isSealed of [false, true]) {
    let disk = new FaultDisk(7);
    let log = await openSmall(disk);
    await log.createShards(["a", "b"]);
    for (const name of ["a", "b"]) await fill(log, name, 0, 10);
    disk = disk.afterKill();
    log = await openSmall(disk, { settleLeftAfterMs: 2000 });
    const left = pathsOf(disk, ".journal");
    await pass(1500);
    expect(pathsOf(disk, ".journal")).toEqual(left);
    expect(pathsOf(disk, ".segment")).toEqual([]);
    if (isSealed) await fill(log, "a", 10, 40);
    else await pass(1000);
    await untilIdle(disk);
    expect(pathsOf(disk, ".journal").filter((path) => left.includes(path))).toEqual([]);
    expect(await numbers(log, "a")).toEqual(range(0, isSealed ? 40 : 10));
    await log.close();
    // Closed before the delay was over, it is left to the next.
    log = await openSmall(disk.afterKill(), { settleLeftAfterMs: 2000 });
    await log.close();
    await pass(5000);
  }
});

test("a journal that several shards share may be longer, so that there are fewer segments; one of a single shard is not", async () => {
  for (const [sharedJournalBytesMax, shared] of [
    [undefined, 6],
    [60_000, 2],
  ] as const) {
    const disk = new FaultDisk(8);
    const log = await openSmall(disk, { journals: 1, ...(sharedJournalBytesMax && { sharedJournalBytesMax }) });
    await log.createShards(["a", "b"]);
    for (let i = 0; i < 54; i++) for (const name of ["a", "b"]) await fill(log, name, i, i + 1);
    await pass(1000);
    expect(pathsOf(disk, ".segment")).toHaveLength(2 * shared);
    await fill(log, "a", 54, 90);
    await pass(1000);
    expect(pathsOf(disk, ".segment")).toHaveLength(2 * shared + 2);
    await log.close();
  }
});

test("a journal of 200 shards is copied to a segment each, once, and removed", async () => {
  const disk = new FaultDisk(2);
  const writes = new CountedBytes(disk);
  const log = await openSmall(writes, { journals: 1, journalBytesMax: 300_000 });
  const names = range(0, 200).map((i) => `shard ${i}`);
  await log.createShards(names);
  for (let i = 0; i < 2; i++) await Promise.all(names.map((name) => log.append(name, [record(i)])));
  await Promise.all(names.map((name) => log.append(name, [])));
  await pass(1000);
  expect(pathsOf(disk, ".journal")).toHaveLength(0);
  expect(pathsOf(disk, ".segment")).toHaveLength(200);
  expect(writes.written(".segment")).toBe(200 * (40 + 2 * 1056));
  for (const name of names) expect(await numbers(log, name)).toEqual([0, 1]);

  // The next journal is copied for itself: what was settled before is not written again.
  for (let i = 2; i < 4; i++) await Promise.all(names.map((name) => log.append(name, [record(i)])));
  await pass(1000);
  expect(pathsOf(disk, ".journal")).toHaveLength(0);
  expect(writes.written(".segment")).toBeLessThanOrEqual(200 * (2 * 40 + 4 * 1056));
  const reopened = await openSmall(disk.powerOn());
  for (const name of names) expect(await numbers(reopened, name)).toEqual(range(0, 4));
  expect(reopened.damage()).toEqual([]);
  await reopened.close();
});

test("settling leaves out what was trimmed, and what belongs to deleted shards", async () => {
  const disk = new FaultDisk(3);
  const writes = new CountedBytes(disk);
  const log = await openSmall(writes, { journals: 1, journalBytesMax: 40_000 });
  await log.createShards(["kept", "trimmed", "deleted"]);
  // Alternating, so that each frame has an entry of its own in the index.
  for (let i = 0; i < 10; i++) for (const name of ["kept", "trimmed", "deleted"]) await log.append(name, [record(i)]);
  await log.trimBefore("trimmed", 8);
  await log.deleteShard("deleted");
  await fill(log, "kept", 10, 16);
  await pass(1000);
  expect(pathsOf(disk, ".journal")).toHaveLength(0);
  expect(writes.written(".segment")).toBeLessThan((16 + 2) * (1056 + 64) + 2 * 40);
  expect(await numbers(log, "kept")).toEqual(range(0, 16));
  expect(await numbers(log, "trimmed")).toEqual([8, 9]);
  await log.close();
});

test("readers who began before a settling go on through it", async () => {
  const disk = new FaultDisk(4);
  const log = await openSmall(disk, { journals: 1 });
  await log.createShards(["a", "b"]);
  const found: number[] = [];
  const reading = (async () => {
    for (let position = 0; position < 60;) {
      await log.grown("a", position, AbortSignal.timeout(60_000));
      const { frames, next } = await log.read("a", position, { frames: 3, bytes: 10_000 });
      for (const { data } of frames) found.push(Number(data.toString()));
      position = next;
    }
  })();
  for (let i = 0; i < 60; i++) await Promise.all([log.append("a", [record(i)]), log.append("b", [record(i)])]);
  await reading;
  expect(found).toEqual(range(0, 60));
  expect(pathsOf(disk, ".segment").length).toBeGreaterThan(2);
  await log.close();
});

test("a reader whose journal goes between two of its reads goes on in the segment", async () => {
  const disk = new FaultDisk(14);
  const hold = new HeldReader(disk);
  const log = await openSmall(hold, { journals: 1, journalBytesMax: 100_000 });
  await log.createShards(["a", "b"]);
  // What lies between is too much to be read along, so each record is a read of its own.
  const between = { data: Buffer.alloc(20_000) };
  for (let i = 0; i < 4; i++)
    for (const [name, data] of [
      ["a", record(i)],
      ["b", between],
    ] as const)
      await log.append(name, [data]);
  hold.isArmed = true;
  const reading = numbers(log, "a");
  await log.append("b", [between]);
  await pass(1000);
  expect(pathsOf(disk, ".segment")).toHaveLength(2);
  hold.release();
  expect(await reading).toEqual(range(0, 4));
  expect(pathsOf(disk, ".journal")).toEqual([]);
  expect(hold.refused).toBe(1);
  await log.close();
});

test("a log opens before it has settled the journals that were left, serves them, and takes appends meanwhile", async () => {
  let disk = new FaultDisk(15);
  const log = await openSmall(disk, { journalBytesMax: 1_000_000 });
  const names = range(0, 40).map((i) => `shard ${i}`);
  await log.createShards(names);
  for (let i = 0; i < 3; i++) await Promise.all(names.map((name) => log.append(name, [record(i)])));
  for (let restart = 0; restart < 3; restart++) {
    disk = disk.afterKill();
    const reopened = await openSmall(disk, { journalBytesMax: 1_000_000 });
    expect(pathsOf(disk, ".journal")).toHaveLength(4 + restart);
    expect(await numbers(reopened, "shard 0")).toEqual(range(0, 3 + restart));
    await reopened.append("shard 0", [record(3 + restart)]);
    expect(pathsOf(disk, ".journal").length).toBeGreaterThan(4 + restart);
    // The next start finds the settling cut short, and what was appended beside it.
    if (restart < 2) continue;
    await untilIdle(disk);
    expect(pathsOf(disk, ".journal")).toHaveLength(1);
    expect(await numbers(reopened, "shard 0")).toEqual(range(0, 6));
    for (const name of names.slice(1)) expect(await numbers(reopened, name)).toEqual(range(0, 3));
    await reopened.close();
  }
});

test("where too many journals wait to be settled, appends wait for the next of them, not for all", async () => {
  const disk = new FaultDisk(16);
  const permits = new SegmentsByPermit(disk);
  const log = await openSmall(permits, { journals: 1 });
  await log.createShards(["a", "b"]);
  let appended = 0;
  const appending = (async () => {
    for (; appended < 300; appended++) await log.append(appended % 2 === 0 ? "a" : "b", [record(appended)]);
  })();
  await untilIdle(disk);
  const stoppedAt = appended;
  expect(stoppedAt).toBeLessThan(200);
  const journals = pathsOf(disk, ".journal").length;
  // A segment of each shard: one journal's.
  permits.allow(2);
  await untilIdle(disk);
  expect(appended).toBeGreaterThan(stoppedAt);
  expect(pathsOf(disk, ".journal")).toHaveLength(journals);
  permits.allow(Infinity);
  await appending;
  await untilIdle(disk);
  expect(await numbers(log, "a")).toEqual(range(0, 150).map((i) => 2 * i));
  await log.close();
});

test("what cannot be settled is served from the journal, and settled when the disk allows", async () => {
  const disk = new FaultDisk(5);
  const log = await openSmall(disk, { journals: 1 });
  await log.createShards(["a", "b"]);
  disk.plan = ({ kind, path }) => (kind !== "remove" && path.includes("/shards/") ? "EIO" : undefined);
  for (let i = 0; i < 20; i++) for (const name of ["a", "b"]) await log.append(name, [record(i)]);
  await pass(30_000);
  expect(pathsOf(disk, ".journal").length).toBeGreaterThan(1);
  expect(await numbers(log, "a")).toEqual(range(0, 20));
  disk.plan = () => undefined;
  await pass(6000);
  expect(pathsOf(disk, ".journal")).toHaveLength(1);
  expect(await numbers(log, "a")).toEqual(range(0, 20));
  expect(await numbers(log, "b")).toEqual(range(0, 20));
  await log.close();
  const reopened = await openSmall(disk.powerOn());
  expect(await numbers(reopened, "a")).toEqual(range(0, 20));
  expect(reopened.damage()).toEqual([]);
  await reopened.close();
});

test("a journal goes after the syncs of its copies and of the shard table", async () => {
  const disk = new FaultDisk(6);
  const log = await openSmall(disk, { journals: 1 });
  await log.createShards(["a", "b"]);
  const operations: DiskOperation[] = [];
  disk.plan = (operation) => void operations.push(operation);
  for (let i = 0; i < 10; i++) for (const name of ["a", "b"]) await log.append(name, [record(i)]);
  await pass(1000);
  const removal = operations.findIndex(({ kind, path }) => kind === "remove" && path.endsWith(".journal"));
  expect(removal).toBeGreaterThan(0);
  const before = operations.slice(0, removal).map(({ kind, path }) => `${kind} ${path.replace(/^\/data\//, "")}`);
  for (const shard of [0, 1]) {
    const of = before.filter((operation) => operation.includes(`shards/${shard}`));
    const lastWrite = of.findLastIndex((operation) => /^write .*\.segment$/.test(operation));
    expect(of.slice(lastWrite + 1).find((operation) => operation.startsWith("sync"))).toMatch(/^sync .*\.segment$/);
    expect(of.slice(lastWrite)).toContain(`syncDirectory shards/${shard}`);
  }
  for (const copy of ["a", "b"]) expect(before).toContain(`sync shards-${copy}.json.tmp`);
  expect(before.lastIndexOf("sync shards-b.json.tmp")).toBeGreaterThan(
    before.findLastIndex((operation) => operation.endsWith(".segment")),
  );
  expect(operations[removal + 1]).toMatchObject({ kind: "syncDirectory", path: "/data/journals" });
  await log.close();
});

/** Counts the bytes that are written, by the ending of the file's name. */
class CountedBytes extends DiskOver {
  readonly #written = new Map<string, number>();

  written(ending: string): number {
    return this.#written.get(ending) ?? 0;
  }

  override async open(path: string, mode: "read" | "write" | "create") {
    const file = await super.open(path, mode);
    const ending = path.slice(path.lastIndexOf("."));
    return {
      ...file,
      write: async (buffers: readonly Uint8Array[], offset: number) => {
        const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
        this.#written.set(ending, this.written(ending) + bytes);
        await file.write(buffers, offset);
      },
    };
  }
}

/** Holds back the first read of a journal, and the next opening of it until it is removed. */
class HeldReader extends DiskOver {
  isArmed = false;
  /** Openings that came too late. */
  refused = 0;
  release: () => void = () => undefined;
  readonly #removed: Promise<void>;
  #isHeld = false;
  #noticeRemoved: () => void = () => undefined;

  constructor(below: Disk) {
    super(below);
    this.#removed = new Promise((resolve) => (this.#noticeRemoved = resolve));
  }

  override async open(path: string, mode: "read" | "write" | "create") {
    if (!this.isArmed || mode !== "read" || !path.endsWith(".journal")) return super.open(path, mode);
    if (this.#isHeld) {
      await this.#removed;
      this.refused++;
    }
    const file = await super.open(path, mode);
    return {
      ...file,
      read: async (buffer: Uint8Array, offset: number) => {
        const isFirst = !this.#isHeld;
        this.#isHeld = true;
        if (isFirst) await new Promise<void>((resolve) => (this.release = resolve));
        return file.read(buffer, offset);
      },
    };
  }

  override async remove(path: string) {
    await super.remove(path);
    if (path.endsWith(".journal")) this.#noticeRemoved();
  }
}

/** Makes a segment only when it is allowed to. */
class SegmentsByPermit extends DiskOver {
  #permits = 0;
  #waiting: (() => void)[] = [];

  allow(segments: number): void {
    this.#permits += segments;
    for (const goOn of this.#waiting.splice(0)) goOn();
  }

  override async open(path: string, mode: "read" | "write" | "create"): ReturnType<Disk["open"]> {
    if (mode === "create" && path.endsWith(".segment")) {
      while (this.#permits === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#permits--;
    }
    return super.open(path, mode);
  }
}
