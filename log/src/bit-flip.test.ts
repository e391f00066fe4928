import fc from "fast-check";
import { expect, test } from "vitest";
import type { Log } from "./api.js";
import { openLog } from "./open.js";
import { FaultDisk, ManualClock, randomOf } from "./testing/index.js";
import { untilIdle } from "./testing/records.js";
import { damagedOf, runs } from "./testing/sessions.js";

const clock = new ManualClock();

async function open(disk: FaultDisk, spareBytesMax = 0): Promise<Log> {
  return openLog({
    directory: "/data",
    disk,
    clock,
    journals: 2,
    journalBytesMax: 9000,
    sharedAppendBytesMax: 300,
    spareBytesMax,
  });
}

const names = ["a", "b", "c"];

/** Fills a log with numbered records, one file with another. Answers how many each shard has. */
async function fill(log: Log, random: () => number, appends: number): Promise<Map<string, number>> {
  const counts = new Map(names.map((name) => [name, 0]));
  await log.createShards(names);
  for (let i = 0; i < appends; i++) {
    const name = names[Math.floor(random() ** 2 * names.length)]!;
    const count = counts.get(name)!;
    const frames = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, j) => ({
      data: Buffer.from(`${name}${count + j}`.padEnd(Math.floor(random() * 400), "x")),
    }));
    counts.set(name, count + frames.length);
    await log.append(name, frames);
  }
  return counts;
}

/** Leaves files to be used again: segments whose records were all forgotten. */
async function leaveSpares(log: Log, disk: FaultDisk): Promise<void> {
  await log.createShards(["former"]);
  for (let i = 0; i < 120; i++) await log.append("former", [{ data: Buffer.alloc(400, "y") }]);
  await untilIdle(disk);
  await log.trimBefore("former", log.bounds("former").next);
  await untilIdle(disk);
}

/** How many of the records are missing; throws where one is not what it was. */
async function missing(log: Log, counts: ReadonlyMap<string, number>): Promise<number> {
  let found = 0;
  for (const name of counts.keys()) {
    for (let position = 0; ;) {
      const { frames, next } = await log.read(name, position, { frames: 100, bytes: 100_000 });
      if (frames.length === 0) break;
      for (const frame of frames) {
        const [text] = frame.data.toString().split("x", 1);
        if (text !== `${name}${frame.position}`) throw new Error(`${name}: ${frame.position} is ${text}`);
      }
      found += frames.length;
      position = next;
    }
  }
  return [...counts.values()].reduce((sum, count) => sum + count) - found;
}

test("a flipped bit before the last batch is found, reported, and costs at most the frame that it hit", async () => {
  let hits = 0;
  let reused = 0;
  const kinds = new Set<string>();
  const flips = fc.record({
    seed: fc.nat(),
    file: fc.nat(),
    bit: fc.nat(),
    isJournal: fc.boolean(),
    isClosed: fc.boolean(),
    hasSidecars: fc.boolean(),
    spareBytesMax: fc.constantFrom(0, 60_000, 60_000),
  });
  await fc.assert(
    fc.asyncProperty(flips, async ({ seed, file, bit, isJournal, isClosed, hasSidecars, spareBytesMax }) => {
      const disk = new FaultDisk(seed);
      const log = await open(disk, spareBytesMax);
      await leaveSpares(log, disk);
      const counts = await fill(log, randomOf(seed), 80);
      await untilIdle(disk); // while a journal is being settled, what it holds is there twice
      if (isClosed) await log.close();
      const killed = disk.afterKill();
      if (!hasSidecars) await removeSidecars(killed);

      const files = [...killed.files().keys()]
        .filter((path) => path.endsWith(isJournal ? ".journal" : ".segment"))
        .toSorted();
      fc.pre(files.length > 0);
      const path = files[file % files.length]!;
      const bytes = killed.bytesOf(path);
      const end = path.endsWith(".journal") ? beforeLastBatch(bytes) : bytes.length;
      fc.pre(end > 0);
      killed.flipBit(path, bit % (end * 8));
      kinds.add(path.slice(-7));
      if (/-\w{16}\.journal$/.test(path)) reused++;

      const reopened = await open(killed, spareBytesMax);
      const lost = await missing(reopened, counts);
      expect(lost).toBeLessThanOrEqual(1);
      hits += lost;
      // A sidecar spares the start the look at what costs no record: a mark, a file's header.
      expect(reopened.stats().damageFound).toBeGreaterThanOrEqual(hasSidecars ? lost : 1);
      await reopened.close();

      const restarted = killed.afterKill();
      await removeSidecars(restarted);
      const unindexed = await open(restarted, spareBytesMax);
      expect(await missing(unindexed, counts)).toBe(lost);
      for (const name of names) {
        const { position } = await unindexed.append(name, [{ data: Buffer.from("new") }]);
        expect(position).toBeGreaterThanOrEqual(counts.get(name)!);
      }
    }),
    { numRuns: runs(), endOnFailure: true },
  );
  expect(hits).toBeGreaterThan(runs() / 4);
  expect(reused).toBeGreaterThan(runs() / 60);
  expect(kinds).toEqual(new Set(["journal", "segment"]));
}, 3_600_000);

test("a stretch in whose place the disk gives what was there in a former life, or garbage, is told, and costs its frames", async () => {
  let lostFrames = 0;
  let reused = 0;
  const harms = fc.record({
    seed: fc.nat(),
    file: fc.nat(),
    offset: fc.nat(),
    bytes: fc.integer({ min: 8, max: 3000 }),
    isFormer: fc.boolean(),
    isReused: fc.boolean(),
    hasSidecars: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(harms, async ({ seed, file, offset, bytes, isFormer, isReused, hasSidecars }) => {
      const disk = new FaultDisk(seed);
      const log = await open(disk, 60_000);
      await leaveSpares(log, disk);
      const former = disk.bytesOf([...disk.files().keys()].find((path) => path.endsWith(".spare"))!);
      const counts = await fill(log, randomOf(seed), 80);
      await untilIdle(disk);
      const killed = disk.afterKill();
      if (!hasSidecars) await removeSidecars(killed);
      const sought = isReused ? /-\w{16}\.journal$/ : /journal$|segment$/;
      const paths = [...killed.files().keys()].filter((path) => sought.test(path)).toSorted();
      fc.pre(paths.length > 0);
      const path = paths[file % paths.length]!;
      const before = killed.bytesOf(path);
      const end = path.endsWith(".journal") ? beforeLastBatch(before) : before.length;
      fc.pre(end > 0);
      const from = offset % end;
      const to = Math.min(from + bytes, end);
      const harm = isFormer ? former.subarray(from, to) : Buffer.alloc(to - from, 0xff);
      await (await killed.open(path, "write")).write([harm], from);
      if (/-\w{16}\.journal$/.test(path)) reused++;

      const reopened = await open(killed, 60_000);
      const lost = await missing(reopened, counts);
      lostFrames += lost;
      expect(reopened.damage().filter(({ kind }) => kind === "torn")).toEqual([]);
      expect(reopened.stats().damageFound).toBeGreaterThanOrEqual(Math.min(lost, 1));
      const offsets = reopened
        .damage()
        .flatMap((one) => (one.file === path ? [one.offset, one.offset + one.bytes] : []));
      // No further than the frames that it touches reach, be they of the former life, and those that these touch.
      expect(offsets.filter((at) => at < from - 1000 || at > to + 1000)).toEqual([]);
      await reopened.close();
    }),
    { numRuns: runs() / 2, endOnFailure: true },
  );
  expect(lostFrames).toBeGreaterThan(runs() / 2);
  expect(reused).toBeGreaterThan(runs() / 60);
}, 3_600_000);

async function removeSidecars(disk: FaultDisk): Promise<void> {
  for (const path of disk.files().keys()) if (path.endsWith(".index")) await disk.remove(path);
}

/** Where the last batch of a journal begins: behind the last mark but one. A mark is a frame of kind 3. */
function beforeLastBatch(bytes: Buffer): number {
  const marks = [];
  for (let at = 40; at + 64 <= bytes.length;) {
    const length = 56 + bytes.readUInt8(at + 5) * 8 + bytes.readUInt32LE(at + 8);
    // Where the file was used before, frames of another id follow.
    if (bytes.readUInt8(at + 4) === 0 || bytes.compare(bytes, 16, 24, at + 16, at + 24) !== 0) break;
    at += Math.ceil(length / 8) * 8;
    marks.push({ kind: bytes.readUInt8(at - Math.ceil(length / 8) * 8 + 4), end: at });
  }
  return marks.filter(({ kind }) => kind === 3).at(-2)?.end ?? 0;
}

test("a flipped bit in the newest state is reported, and the state is not served", async () => {
  const disk = new FaultDisk(1);
  const log = await open(disk);
  await log.createShards(["s"]);
  await log.putState("s", Buffer.from("the newest state"));
  await log.append("s", [{ data: Buffer.from("record") }]);
  const next = disk.afterKill();
  const path = [...next.files().keys()].find((name) => name.endsWith(".journal"))!;
  next.flipBit(path, next.bytesOf(path).indexOf("newest") * 8);
  const reopened = await open(next);
  expect(await reopened.getState("s")).toBeUndefined();
  expect(damagedOf(reopened)).toMatchObject([{ kind: "damaged", shard: "s" }]);
  expect(damagedOf(reopened)[0]!.quarantine).toMatch(/quarantine/);
  expect((await reopened.read("s", 0, { frames: 9, bytes: 999 })).frames).toHaveLength(1);
});

test("a flipped bit in either copy of the shard table, or in a sidecar, costs nothing", async () => {
  for (const name of ["/data/shards-a.json", "/data/shards-b.json", ".index"]) {
    const disk = new FaultDisk(2);
    const log = await open(disk);
    const counts = await fill(log, randomOf(2), 80);
    await log.close();
    const next = disk.afterKill();
    const path = [...next.files().keys()].find((file) => file.endsWith(name))!;
    next.flipBit(path, 100);
    const reopened = await open(next);
    expect(await missing(reopened, counts)).toBe(0);
    expect(damagedOf(reopened)).toEqual([]);
  }
});
