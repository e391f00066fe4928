import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDirectory } from "./lock.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "headwater-lock-"));
});
afterEach(() => rm(directory, { recursive: true }));

const inUse = (pid: number | undefined) => ({
  name: "LogError",
  code: "directory-in-use",
  message: expect.stringContaining(`is in use by process ${pid}`) as string,
});

test("a directory is taken once until it is released; it is made where it is missing", async () => {
  const data = join(directory, "not", "there");
  const lock = await lockDirectory(data);
  await expect(lockDirectory(data)).rejects.toMatchObject(inUse(process.pid));
  await lock.release();
  await (await lockDirectory(data)).release();
});

/** What another process does: takes the directory, says how that went, and stays. */
const other = `
  import sqlite from "sqlite3";
  const database = new sqlite.Database(process.argv[1]);
  database.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE", (error) => {
    process.stdout.write(error ? error.code : "locked");
  });
  setInterval(() => {}, 1000);
`;

/** Starts it, and answers it with what it says. */
async function anotherProcess(): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", other, join(directory, "lock.sqlite")], {
    cwd: fileURLToPath(new URL(".", import.meta.url)),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  return { child, said: said.toString() };
}

test("a directory that another process holds is refused until that process ends, be it by SIGKILL", async () => {
  const { child, said } = await anotherProcess();
  try {
    expect(said).toBe("locked");
    await expect(lockDirectory(directory)).rejects.toMatchObject({ name: "LogError", code: "directory-in-use" });
  } finally {
    await killed(child);
  }
  await (await lockDirectory(directory)).release();
});

test("another process does not get a directory that this one holds", async () => {
  const lock = await lockDirectory(directory);
  const { child, said } = await anotherProcess();
  await killed(child);
  expect(said).toBe("SQLITE_BUSY");
  await lock.release();
});

async function killed(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

test("a lock that cannot be opened is a disk that failed, not one in use", async () => {
  await mkdir(join(directory, "lock.sqlite"));
  await expect(lockDirectory(directory)).rejects.toMatchObject({ code: "disk-failed" });
});
