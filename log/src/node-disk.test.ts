import { link, mkdir, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeDisk } from "./node-disk.js";
import { openLog } from "./open.js";

let directory: string;
const disk = nodeDisk();
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "headwater-disk-"));
});
afterEach(() => rm(directory, { recursive: true }));

test("writes all buffers at the offset, more of them than one call to the kernel takes, empty ones among them", async () => {
  const path = join(directory, "file");
  const file = await disk.open(path, "create");
  const buffers = Array.from({ length: 5000 }, (_, i) => Buffer.from(i % 3 === 0 ? "" : `${i},`));
  await file.write(buffers, 10);
  await file.write([], 0);
  await file.write([Buffer.alloc(0)], 0);
  await file.sync();
  const expected = Buffer.concat([Buffer.alloc(10), ...buffers]);
  expect(await file.size()).toBe(expected.length);
  expect((await readFile(path)).equals(expected)).toBe(true);
  const part = Buffer.alloc(20);
  expect(await file.read(part, expected.length - 7)).toBe(7);
  expect(part.subarray(0, 7).equals(expected.subarray(-7))).toBe(true);
  expect(await file.read(part, expected.length)).toBe(0);
  await file.truncate(3);
  expect(await file.size()).toBe(3);
  await file.close();
});

test("creates only what is not there, opens only what is", async () => {
  const path = join(directory, "file");
  await expect(disk.open(path, "read")).rejects.toMatchObject({ code: "ENOENT" });
  await expect(disk.open(path, "write")).rejects.toMatchObject({ code: "ENOENT" });
  await (await disk.open(path, "create")).close();
  await expect(disk.open(path, "create")).rejects.toMatchObject({ code: "EEXIST" });
  const reading = await disk.open(path, "read");
  await expect(reading.write([Buffer.alloc(1)], 0)).rejects.toMatchObject({ code: "EBADF" });
  await reading.close();
});

test("lists, renames and removes; a directory that is not there is empty, and nothing is left to remove", async () => {
  const nested = join(directory, "a", "b");
  expect(await disk.list(nested)).toEqual([]);
  await disk.makeDirectory(nested);
  await disk.makeDirectory(nested);
  await writeFile(join(nested, "x"), "x");
  await disk.rename(join(nested, "x"), join(directory, "y"));
  await disk.syncDirectory(nested);
  expect((await disk.list(directory)).toSorted()).toEqual(["a", "y"]);
  await disk.remove(join(directory, "a"));
  await disk.remove(join(directory, "a"));
  expect(await disk.list(directory)).toEqual(["y"]);
});

const text = (i: number) => `${i}`.padEnd(500);
const clock = { now: () => Date.now() };
const all = { frames: 1000, bytes: 10_000_000 };

test.each([0, 100_000])(
  "a log on a real disk keeps records and state over restarts, settlings, trims and a torn tail, with %d bytes to be used again",
  async (spareBytesMax) => {
    const data = join(directory, "log");
    const options = { directory: data, disk, clock, journals: 2, journalBytesMax: 30_000, spareBytesMax };
    const names = ["a", "b", "c"];
    let appended = 0;
    for (let restart = 0; restart < 3; restart++) {
      const log = await openLog(options);
      await log.createShards(names);
      for (let i = 0; i < 40; i++, appended++) {
        const frames = [{ data: Buffer.from(text(appended)) }];
        await Promise.all(names.map((name) => log.append(name, frames)));
      }
      await log.putState("a", Buffer.from(`state ${restart}`));
      await log.trimBefore("b", appended - 10);
      await log.close();
    }
    // As a crash may leave it: the end of the newest journal, in the middle of its trailing mark, is missing.
    const journals = (await readdir(join(data, "journals"))).filter((name) => name.endsWith(".journal"));
    const newest = join(data, "journals", journals.toSorted().at(-1)!);
    await truncate(newest, (await stat(newest)).size - 8);
    const log = await openLog(options);
    for (const name of names) {
      const from = name === "b" ? appended - 10 : 0;
      const { frames } = await log.read(name, 0, all);
      expect(frames.map(({ data }) => data.toString())).toEqual(
        Array.from({ length: appended - from }, (_, i) => text(from + i)),
      );
    }
    expect(await log.getState("a")).toEqual({ position: appended, state: Buffer.from("state 2") });
    expect(log.damage()).toMatchObject([{ kind: "torn", file: newest, bytes: 56 }]);
    await log.close();
  },
);

test("a file that has a name in a copy of the directory, too, is not used again", async () => {
  const data = join(directory, "log");
  const copy = join(directory, "copy");
  await mkdir(copy);
  const log = await openLog({
    directory: data,
    disk,
    clock,
    journals: 1,
    journalBytesMax: 30_000,
    spareBytesMax: 100_000,
  });
  await log.createShards(["a"]);
  const fill = async (from: number, to: number) => {
    for (let i = from; i < to; i++) await log.append("a", [{ data: Buffer.from(text(i)) }]);
  };
  const namesOf = async (path: string, suffix: string) =>
    (await readdir(join(data, path))).filter((name) => name.endsWith(suffix));
  const segments = () => namesOf("shards/0", ".segment").catch(() => []);
  await fill(0, 200);
  await expect.poll(async () => (await segments()).length).toBe(4);
  const linked = await segments();
  for (const name of linked) await link(join(data, "shards/0", name), join(copy, name));
  const bytes = await Promise.all(linked.map((name) => readFile(join(copy, name))));
  await log.trimBefore("a", 199);
  await expect.poll(segments).toEqual([]);
  await fill(200, 400);
  expect(await Promise.all(linked.map((name) => readFile(join(copy, name))))).toEqual(bytes);
  // Those that nobody has copied are.
  await log.trimBefore("a", 399);
  await expect.poll(() => namesOf("journals", ".spare")).not.toEqual([]);
  await log.close();
});
