import { mkdir } from "node:fs/promises";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LogError } from "./api.js";
import { diskError } from "./files/disk-error.js";

/**
 * Takes a data directory for this process until the lock is released or the process ends, by an exclusive SQLite lock.
 * @throws {LogError} `directory-in-use`, naming the holder's process id where it can be told.
 */
export async function lockDirectory(directory: string): Promise<{ release(): Promise<void> }> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    throw diskError(error, `make ${directory}`);
  }
  const { default: sqlite } = await import("sqlite3");
  const pidFile = join(directory, "lock.pid");
  const database = await new Promise<InstanceType<typeof sqlite.Database>>((resolve, reject) => {
    const opened = new sqlite.Database(join(directory, "lock.sqlite"), (error) =>
      error ? reject(diskError(error, `lock ${directory}`)) : resolve(opened),
    );
  });
  const close = () =>
    new Promise<void>((resolve, reject) => {
      database.close((error) => (error ? reject(error) : resolve()));
    });
  try {
    // The journal in memory: nothing is written, so the lock also works where the disk is full.
    await new Promise<void>((resolve, reject) => {
      database.exec("PRAGMA journal_mode=MEMORY; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE", (error) =>
        error ? reject(error) : resolve(),
      );
    });
  } catch (error) {
    await close();
    if (!isBusy(error)) throw new LogError("disk-failed", `cannot lock ${directory}`, { cause: error });
    const holder = await readFile(pidFile, "utf8").catch(() => "");
    const by = /^\d+\n$/.test(holder) ? ` by process ${holder.trim()}` : "";
    throw new LogError("directory-in-use", `${directory} is in use${by}`, { cause: error });
  }
  // Only for the message above; the lock does not depend on it.
  await writeFile(pidFile, `${process.pid}\n`).catch(() => undefined);
  return { release: close };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "SQLITE_BUSY";
}
