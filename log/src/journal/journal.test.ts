import { expect, test } from "vitest";
import type { Disk, Log, LogOptions } from "../api.js";
import { openLog } from "../open.js";
import { DiskOver } from "../testing/disk-over.js";
import { holdTimers } from "./testing/held-timers.js";
import { type DiskOperation, FaultDisk, ManualClock } from "../testing/index.js";
import { all, range } from "../testing/records.js";

const pass = holdTimers();
const clock = new ManualClock();

async function open(disk: Disk, shards: readonly string[], options: Partial<LogOptions> = {}): Promise<Log> {
  const log = await openLog({ directory: "/data", disk, clock, ...options });
  await log.createShards(shards);
  return log;
}

const named = (count: number) => Array.from({ length: count }, (_, i) => `shard ${i}`);
const frame = { data: Buffer.from("x") };

/** Notes the operations on journals from now on. */
function journalOperations(disk: FaultDisk): DiskOperation[] {
  const operations: DiskOperation[] = [];
  disk.plan = (operation) => {
    if (operation.path.includes("/journals")) operations.push(operation);
    return undefined;
  };
  return operations;
}

const kindsOf = (operations: readonly DiskOperation[]) => operations.map(({ kind }) => kind);

test("appends that come together share one write and one sync a journal", async () => {
  const disk = new FaultDisk(1);
  const names = named(200);
  const log = await open(disk, names, { journals: 3 });
  const operations = journalOperations(disk);
  const syncsBefore = log.stats().syncs;
  await Promise.all(names.flatMap((name) => [log.append(name, [frame]), log.append(name, [frame, frame])]));
  const kinds = kindsOf(operations);
  expect(kinds.filter((kind) => kind === "write")).toHaveLength(3);
  expect(kinds.filter((kind) => kind === "sync")).toHaveLength(3);
  expect(log.stats().syncs - syncsBefore).toBe(3);
  expect(log.stats().appendedFrames).toBe(600);
  await log.close();
});

test("what comes during a sync makes the next batch, written only after that sync returned", async () => {
  const disk = new HeldSyncs(new FaultDisk(2));
  const log = await open(disk, ["s"]);
  disk.isHolding = true;
  const first = log.append("s", [frame]);
  await disk.held();
  const resolved: number[] = [];
  const later = Array.from({ length: 20 }, () =>
    log.append("s", [frame]).then(({ position }) => resolved.push(position)),
  );
  void first.then(({ position }) => resolved.push(position));
  await pass(1000);
  // Neither answered nor readable before the sync has returned, and nothing else written.
  expect(resolved).toEqual([]);
  expect((await log.read("s", 0, all)).frames).toEqual([]);
  expect(log.bounds("s").next).toBe(0);
  expect(disk.writes).toBe(1);

  disk.release();
  await first;
  await disk.held();
  expect(resolved).toEqual([0]);
  expect((await log.read("s", 0, all)).frames).toHaveLength(1);
  expect(disk.writes).toBe(2);

  disk.isHolding = false;
  disk.release();
  await Promise.all(later);
  expect(resolved).toEqual(range(0, 21));
  expect(disk.writes).toBe(2);
  await log.close();
});

test("one batch holds at most 8 MiB; a single append may be larger", async () => {
  const disk = new FaultDisk(3);
  const log = await open(disk, ["s"]);
  const operations = journalOperations(disk);
  const frames = [{ data: Buffer.alloc(3 * 1024 * 1024) }];
  await Promise.all([1, 2, 3, 4].map(() => log.append("s", frames)));
  expect(kindsOf(operations).filter((kind) => kind === "sync")).toHaveLength(2);
  operations.length = 0;
  await log.append("s", [...frames, ...frames, ...frames]);
  expect(kindsOf(operations).filter((kind) => kind === "sync")).toHaveLength(1);
  await log.close();
});

test("a new file costs one sync of its directory and one of its own; then each batch one write and one sync", async () => {
  const disk = new FaultDisk(4);
  const log = await open(disk, ["s"]);
  const operations = journalOperations(disk);
  await log.append("s", [frame]);
  expect(kindsOf(operations)).toEqual(["create", "syncDirectory", "truncate", "write", "sync"]);
  operations.length = 0;
  for (let i = 0; i < 3; i++) await log.append("s", [frame]);
  expect(kindsOf(operations)).toEqual(["write", "sync", "write", "sync", "write", "sync"]);
  await log.close();
});

test("an idle journal writes one trailing mark, and then nothing", async () => {
  const disk = new FaultDisk(5);
  const log = await open(disk, ["s"]);
  await log.append("s", [frame]);
  const operations = journalOperations(disk);
  await pass(99);
  expect(operations).toEqual([]);
  await pass(1);
  expect(kindsOf(operations)).toEqual(["write", "sync"]);
  await pass(60_000);
  expect(operations).toHaveLength(2);
  await log.append("s", [frame]);
  await log.close();
});

test("after the trailing mark damage to the last record is known to be damage; before, it counts as torn", async () => {
  for (const isMarked of [false, true]) {
    const disk = new FaultDisk(6);
    const log = await open(disk, ["s"]);
    await log.append("s", [{ data: Buffer.alloc(1000, 1) }]);
    if (isMarked) await pass(100);
    const [journal] = [...disk.files().keys()].filter((path) => path.endsWith(".journal"));
    const after = disk.powerOn();
    after.flipBit(journal!, 8 * 500);
    const bytes = after.bytesOf(journal!);
    const reopened = await openLog({ directory: "/data", disk: after, clock });
    expect(reopened.damage().map(({ kind }) => kind)).toEqual([isMarked ? "damaged" : "torn"]);
    const counts = isMarked ? { damageFound: 1, tornFound: 0 } : { damageFound: 0, tornFound: 1 };
    expect(reopened.stats()).toMatchObject(counts);
    const [found] = reopened.damage();
    expect(found!.bytes).toBeGreaterThanOrEqual(1056);
    const aside = after.bytesOf(found!.quarantine!);
    expect(aside.equals(bytes.subarray(found!.offset, found!.offset + found!.bytes))).toBe(true);
    await reopened.close();
  }
});

test("what came while a batch was failing fails with it, so that nothing overtakes it", async () => {
  for (const kind of ["write", "sync"]) {
    const disk = new FaultDisk(9);
    const log = await open(disk, ["s", "t"], { journals: 1 });
    await log.append("s", [frame]);
    const behind: Promise<unknown>[] = [];
    disk.plan = (operation) => {
      if (operation.kind !== kind || behind.length > 0) return undefined;
      behind.push(log.append("s", [frame]), log.putState("s", Buffer.alloc(1)), log.append("t", [frame]));
      return "EIO";
    };
    const failed = await Promise.allSettled([log.append("s", [frame]), log.append("s", [frame])]);
    const outcomes = [...failed, ...(await Promise.allSettled(behind))];
    expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => "rejected"));
    expect(await log.append("s", [frame])).toMatchObject({ position: 1 });
    expect(await log.append("t", [frame])).toMatchObject({ position: 0 });
    await log.close();
  }
});

test("a batch that fails is its journal's alone: the others go on, and so does this one, in another file", async () => {
  const disk = new FaultDisk(7);
  const log = await open(disk, ["a", "b"], { journals: 2 });
  await Promise.all([log.append("a", [frame]), log.append("b", [frame])]);
  const [journalOfA] = [...disk.files().keys()].filter((path) => path.endsWith(".journal"));
  disk.plan = ({ kind, path }) => (kind === "write" && path === journalOfA ? "EIO" : undefined);
  const outcomes = await Promise.allSettled([
    log.append("a", [frame]),
    log.putState("a", Buffer.alloc(1)),
    log.append("b", [frame]),
    log.append("a", [frame]),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled", "rejected"]);
  expect(log.stats()).toMatchObject({ failedAppends: { "disk-failed": 3 }, pendingBytes: 0 });
  // The path fails still, but it is not used any more.
  expect(await log.append("a", [frame])).toMatchObject({ position: 1 });
  expect(await log.getState("a")).toBeUndefined();
  await log.close();
});

test("a shard has a journal of its own as long as there are enough", async () => {
  const disk = new FaultDisk(8);
  const log = await open(disk, named(6), { journals: 4 });
  const operations = journalOperations(disk);
  const write = async (name: string) => {
    operations.length = 0;
    await log.append(name, [frame]);
    return operations.find(({ kind }) => kind === "write")!.path;
  };
  const journals: string[] = [];
  for (const name of named(4)) journals.push(await write(name));
  expect(new Set(journals).size).toBe(4);
  for (const [i, name] of named(4).entries()) expect(await write(name)).toBe(journals[i]);
  expect(journals).toContain(await write("shard 4"));
  expect(await write("shard 5")).not.toBe(await write("shard 4"));
  await log.close();
});

test("small appends of many shards share a journal and its syncs, unless much waits there; large ones are spread", async () => {
  const disk = new FaultDisk(10);
  const names = named(300);
  const log = await open(disk, names, { journals: 4, sharedAppendBytesMax: 1000 });
  const operations = journalOperations(disk);
  const journalsFor = async (from: number, to: number, bytes: number) => {
    operations.length = 0;
    await Promise.all(names.slice(from, to).map((name) => log.append(name, [{ data: Buffer.alloc(bytes) }])));
    return new Set(operations.filter(({ kind }) => kind === "write").map(({ path }) => path)).size;
  };
  expect(await journalsFor(0, 60, 900)).toBe(1);
  expect(log.stats().syncs).toBe(1);
  expect(await journalsFor(60, 62, 2000)).toBe(2);
  expect(await journalsFor(0, 62, 100)).toBe(3); // each stays where it is
  expect(await journalsFor(62, 300, 900)).toBe(4);
  await log.close();
});

/** Holds back the syncs of journals until told, and counts the writes to them meanwhile. */
class HeldSyncs extends DiskOver {
  isHolding = false;
  writes = 0;
  #held: (() => void)[] = [];
  #noticed: (() => void) | undefined;

  /** Resolves once a sync is held. */
  async held(): Promise<void> {
    if (this.#held.length === 0) await new Promise<void>((resolve) => (this.#noticed = resolve));
  }

  release(): void {
    for (const go of this.#held.splice(0)) go();
  }

  override async open(path: string, mode: "read" | "write" | "create") {
    const file = await super.open(path, mode);
    if (!path.endsWith(".journal")) return file;
    return {
      ...file,
      write: async (buffers: readonly Uint8Array[], offset: number) => {
        if (this.isHolding) this.writes++;
        await file.write(buffers, offset);
      },
      sync: async () => {
        await file.sync();
        if (!this.isHolding) return;
        await new Promise<void>((resolve) => {
          this.#held.push(resolve);
          this.#noticed?.();
        });
      },
    };
  }
}
