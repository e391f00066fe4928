import fc from "fast-check";
import { expect, test } from "vitest";
import { type Log, LogError } from "../api.js";
import { openLog } from "../open.js";
import { FaultDisk, ManualClock, randomOf } from "../testing/index.js";
import { all } from "../testing/records.js";

const clock = new ManualClock();
const names = ["a", "b", "c"];

function open(disk: FaultDisk): Promise<Log> {
  return openLog({ directory: "/data", disk, clock, journals: 2, journalBytesMax: 8000, spareBytesMax: 30_000 });
}

/** A directory with segments, sidecars, states, and journals with and without a trailing mark. */
async function used(seed: number): Promise<FaultDisk> {
  const disk = new FaultDisk(seed);
  const random = randomOf(seed);
  const log = await open(disk);
  await log.createShards(names);
  const counts = [0, 0, 0];
  for (let i = 0; i < 60; i++) {
    const which = Math.floor(random() * 3);
    const data = Buffer.from(`${names[which]}${counts[which]!++} `.padEnd(Math.floor(random() * 800), "."));
    await log.append(names[which]!, [{ data }]);
    if (i % 20 === 10) await log.putState(names[which]!, Buffer.from(`state of ${names[which]}`));
  }
  if (seed % 2 === 0) await log.close();
  return disk.afterKill();
}

/** Everything that is served must be what was written, at the position where it was written. */
async function readAll(log: Log): Promise<number> {
  let count = 0;
  for (const name of names) {
    let before = -1;
    for (let position = 0; ;) {
      const { frames, next } = await log.read(name, position, { frames: 10, bytes: 2000 });
      if (frames.length === 0) break;
      for (const frame of frames) {
        expect(frame.data.toString()).toMatch(new RegExp(`^${name}${frame.position} ?\\.*$`));
        expect(frame.position).toBeGreaterThan(before);
        before = frame.position;
      }
      count += frames.length;
      expect(next).toBeGreaterThan(position);
      position = next;
    }
    const state = await log.getState(name);
    expect([undefined, `state of ${name}`]).toContain(state && Buffer.from(state.state).toString());
    expect(await log.positionAtTime(name, clock.now())).toBeLessThanOrEqual(log.bounds(name).next);
  }
  return count;
}

async function overwrite(disk: FaultDisk, path: string, bytes: Uint8Array, offset: number): Promise<void> {
  const file = await disk.open(path, disk.files().has(path) ? "write" : "create");
  await file.write([bytes], offset);
}

const bytes = fc.uint8Array({ maxLength: 400 });
/** One thing that may befall a file, chosen by a number. */
const harms = fc.oneof(
  fc.record({
    what: fc.constant("overwrite" as const),
    file: fc.nat(),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes,
  }),
  fc.record({ what: fc.constant("cut" as const), file: fc.nat(), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ what: fc.constant("extend" as const), file: fc.nat(), bytes }),
  fc.record({ what: fc.constant("replace" as const), file: fc.nat(), bytes }),
  fc.record({ what: fc.constant("swap" as const), file: fc.nat(), other: fc.nat() }),
  fc.record({ what: fc.constant("remove" as const), file: fc.nat() }),
);

test("whatever lies in journals, segments and sidecars: the log opens, serves nothing wrong, and takes appends", async () => {
  let found = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(harms, { minLength: 1, maxLength: 4 }), async (seed, list) => {
      const disk = await used(seed);
      for (const harm of list) {
        const paths = [...disk.files().keys()].filter((path) => /\.(journal|segment|index)$/.test(path)).toSorted();
        const path = paths[harm.file % paths.length]!;
        const old = disk.bytesOf(path);
        if (harm.what === "overwrite") await overwrite(disk, path, harm.bytes, Math.floor(old.length * harm.at));
        else if (harm.what === "extend") await overwrite(disk, path, harm.bytes, old.length);
        else {
          await disk.remove(path);
          if (harm.what === "cut") await overwrite(disk, path, old.subarray(0, Math.floor(old.length * harm.at)), 0);
          if (harm.what === "replace") await overwrite(disk, path, harm.bytes, 0);
          if (harm.what === "swap") {
            const other = paths[harm.other % paths.length]!;
            if (other !== path) await overwrite(disk, path, disk.bytesOf(other), 0);
          }
        }
      }
      const log = await open(disk);
      found += await readAll(log);
      const positions = new Map<string, number>();
      for (const name of names) {
        const data = Buffer.from(`${name}${log.bounds(name).next} `);
        positions.set(name, (await log.append(name, [{ data }])).position);
      }
      await log.close();
      const reopened = await open(disk.afterKill());
      await readAll(reopened);
      for (const [name, position] of positions)
        expect((await reopened.read(name, position, all)).frames.map((frame) => frame.position)).toEqual([position]);
      await reopened.close();
    }),
    { numRuns: 60 },
  );
  expect(found).toBeGreaterThan(60 * 10);
}, 60_000);

test("behind a damaged end a read goes on at the next position, where its reader waits for what comes", async () => {
  const disk = new FaultDisk(5);
  const log = await open(disk);
  await log.createShards(names);
  for (const data of ["a0 ", "a1 "]) await log.append("a", [{ data: Buffer.from(data) }]);
  await log.close();
  const next = disk.afterKill();
  const [journal] = [...next.files().keys()].filter((path) => path.endsWith(".journal"));
  next.flipBit(journal!, next.bytesOf(journal!).indexOf("a1 ") * 8);
  const reopened = await open(next);
  const read = await reopened.read("a", 0, all);
  expect([read.frames.map(({ position }) => position), read.next]).toEqual([[0], 2]);
  expect(reopened.bounds("a").next).toBe(2);
  expect(reopened.damage()).toMatchObject([{ kind: "damaged", shard: "a" }]);
  const waiting = reopened.grown("a", read.next, AbortSignal.timeout(60_000));
  expect(await reopened.append("a", [{ data: Buffer.from("a2 ") }])).toMatchObject({ position: 2 });
  await waiting;
  await reopened.close();
});

test("no position is given again where files are lost", async () => {
  const disk = await used(2);
  const nexts = new Map<string, number>();
  const log = await open(disk);
  for (const name of names) nexts.set(name, log.bounds(name).next);
  await log.close();
  for (const path of disk.files().keys()) if (/\.(journal|segment)$/.test(path)) await disk.remove(path);
  const reopened = await open(disk.afterKill());
  for (const name of names) {
    expect(reopened.bounds(name)).toMatchObject({ first: nexts.get(name), next: nexts.get(name), bytes: 0 });
    expect(await reopened.append(name, [{ data: Buffer.alloc(1) }])).toMatchObject({ position: nexts.get(name) });
  }
  await reopened.close();
});

test("no position is given again of a frame whose header is lost, also where its shard has no other in that journal", async () => {
  const disk = new FaultDisk(7);
  const log = await openLog({ directory: "/data", disk, clock, journals: 1 });
  await log.createShards(["a", "b", "c"]);
  for (const [name, text] of [
    ["a", "a0 "],
    ["b", "b0 "],
    ["a", "a1 "],
  ] as const)
    expect(await log.append(name, [{ data: Buffer.from(text) }])).toMatchObject({ position: Number(text[1]) });
  const next = disk.afterKill();
  const [journal] = [...next.files().keys()].filter((path) => path.endsWith(".journal"));
  next.flipBit(journal!, (next.bytesOf(journal!).indexOf("b0 ") - 1) * 8);
  const reopened = await openLog({ directory: "/data", disk: next, clock, journals: 1 });
  expect(reopened.damage()).toMatchObject([{ kind: "damaged" }]);
  expect(reopened.bounds("b").next).toBeGreaterThan(0);
  expect((await reopened.append("b", [{ data: Buffer.from("b1 ") }])).position).toBe(reopened.bounds("b").next - 1);
  // What has later frames there is known to the last of them.
  expect(reopened.bounds("a").next).toBe(2);
  await reopened.close();
});

test("of a shard's states the last one put counts, also where it lies in a file begun before the other's", async () => {
  const disk = new FaultDisk(6);
  // Nothing is settled, so that both journals are there at the next start.
  disk.plan = ({ kind, path }) => (kind === "create" && path.includes("/shards/") ? "EIO" : undefined);
  const log = await open(disk);
  await log.createShards(["a", "b", "c", "d", "e"]);
  const frame = { data: Buffer.alloc(1000) };
  // "b" and "d" share the first journal, "a" and "e" the second.
  for (const name of ["b", "a", "d", "e"]) await log.append(name, [frame]);
  await log.putState("a", Buffer.from("old state"));
  for (let i = 0; i < 5; i++) await log.append("a", [frame]);
  await new Promise((resolve) => setImmediate(resolve)); // until the sealing is over, which is all that happens here
  // The second one's file was full, and "c" begins its next. Without "b" and "d", "a" finds the first the emptiest.
  await log.append("c", [frame]);
  await log.deleteShard("b");
  await log.deleteShard("d");
  await log.putState("a", Buffer.from("new state"));
  const next = disk.afterKill();
  const holderOf = (text: string) => [...next.files().keys()].find((path) => next.bytesOf(path).includes(text));
  expect(holderOf("new state")).toBe("/data/journals/0000000001.journal");
  expect(holderOf("old state")).toBe("/data/journals/0000000002.journal");
  const reopened = await open(next);
  expect(await reopened.getState("a")).toEqual({ position: 6, state: Buffer.from("new state") });
  await reopened.putState("a", Buffer.from("newest"));
  expect(await reopened.getState("a")).toEqual({ position: 6, state: Buffer.from("newest") });
  await reopened.close();
});

test("files of other names, in any place, are left alone", async () => {
  const disk = await used(2);
  const strays = [
    "/data/note.txt",
    "/data/journals/1.journal",
    "/data/journals/0000000001.journal.bak",
    "/data/shards/0/0000000001.segment",
    "/data/shards/0/lost.index",
  ];
  for (const path of strays) await overwrite(disk, path, Buffer.from("not ours"), 0);
  const log = await open(disk);
  expect(await readAll(log)).toBe(60);
  expect(log.damage()).toEqual([]);
  await log.close();
  for (const path of strays) expect(disk.bytesOf(path).toString()).toBe("not ours");
});

test("any bytes in the table or the format are refused with the error that says so, and change nothing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("format", "table"), bytes, async (what, random) => {
      const disk = await used(2);
      const files = what === "format" ? ["/data/format"] : ["/data/shards-a.json", "/data/shards-b.json"];
      for (const path of files) {
        await disk.remove(path);
        await overwrite(disk, path, random, 0);
      }
      const before = disk.operations;
      const error = await open(disk).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(LogError);
      expect(error).toMatchObject({ code: what === "format" ? "unsupported-format" : "disk-failed" });
      expect((error as LogError).cause).toBeUndefined();
      expect(disk.operations).toBe(before);
    }),
    { numRuns: 30 },
  );
});

test("recovery that is cut short again and again, at each of its operations, ends with the same result", async () => {
  const source = await used(3);
  const expected = await open(source);
  const count = await readAll(expected);
  expect(count).toBeGreaterThan(50);
  for (let cutAt = 1; cutAt < 60; cutAt++) {
    let disk = await used(3);
    for (let attempt = 0; attempt < 3; attempt++) {
      disk.plan = ({ number }) => (number === cutAt ? "power-cut" : undefined);
      const [opened] = await Promise.allSettled([open(disk)]);
      expect(opened.status === "fulfilled" || opened.reason instanceof LogError).toBe(true);
      disk = disk.afterKill();
    }
    const log = await open(disk);
    expect(await readAll(log)).toBe(count);
    expect(log.damage().filter(({ kind }) => kind === "damaged")).toEqual([]);
    await log.close();
  }
});
