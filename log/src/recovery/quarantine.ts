import { basename, join } from "node:path";
import type { Disk } from "../api.js";
import { diskError } from "../files/disk-error.js";
import type { LogFile } from "../files/log-file.js";
import { fileIdHex } from "../format/file-header.js";
import { asideSuffix } from "../files/atomic-file.js";
import { copyStretch } from "../files/copy-stretch.js";
import type { Context } from "../journal/context.js";

/** Together no more than this is put aside; what is beyond it is only reported. */
const quarantineBytesMax = 64 * 1024 * 1024;
const quarantineFilesMax = 1000;

/** Keeps bytes that do not hold and whose file is about to go, for whoever wants to look at them. */
export class Quarantine {
  readonly #context: Pick<Context, "disk" | "paths" | "report">;
  #names: Set<string> | undefined;
  #bytes = 0;

  constructor(context: Pick<Context, "disk" | "paths" | "report">) {
    this.#context = context;
  }

  /** Copies a stretch of a file. Answers where it lies; undefined where there was no room for it, or the disk did not let it be. */
  async keep({ path, fileId }: LogFile, offset: number, bytes: number): Promise<string | undefined> {
    const { disk, paths } = this.#context;
    const names = await this.#kept(path, offset, bytes);
    if (names === undefined) return undefined;
    const name = `${basename(path)}-${fileIdHex(fileId)}-${offset}`;
    const aside = join(paths.quarantine, name);
    if (names.has(name)) return aside; // a start before this one kept it
    if (this.#bytes + bytes > quarantineBytesMax || names.size >= quarantineFilesMax) return undefined;
    const copy = `${aside}${asideSuffix}`;
    try {
      await copyToFile(disk, path, offset, bytes, copy);
      // A name without the suffix says that the copy is whole.
      await disk.rename(copy, aside);
      await disk.syncDirectory(paths.quarantine);
    } catch (error) {
      this.#report(error, path, offset, bytes);
      await disk.remove(copy);
      return undefined;
    }
    names.add(name);
    this.#bytes += bytes;
    return aside;
  }

  /** What is there already; undefined where that cannot be told. */
  async #kept(path: string, offset: number, bytes: number): Promise<Set<string> | undefined> {
    try {
      return (this.#names ??= await this.#load());
    } catch (error) {
      this.#bytes = 0;
      this.#report(error, path, offset, bytes);
      return undefined;
    }
  }

  #report(error: unknown, path: string, offset: number, bytes: number): void {
    const cause = diskError(error, "quarantine").message;
    this.#context.report({ level: "warn", message: "bytes not put aside", path, offset, bytes, error: cause });
  }

  async #load(): Promise<Set<string>> {
    const { disk, paths } = this.#context;
    const names = await disk.list(paths.quarantine);
    for (const name of names.filter((found) => found.endsWith(asideSuffix)))
      await disk.remove(join(paths.quarantine, name));
    const kept = names.filter((name) => !name.endsWith(asideSuffix));
    for (const name of kept) {
      const file = await disk.open(join(paths.quarantine, name), "read");
      this.#bytes += await file.size();
      await file.close();
    }
    return new Set(kept);
  }
}

async function copyToFile(disk: Disk, from: string, offset: number, bytes: number, to: string): Promise<void> {
  const source = await disk.open(from, "read");
  try {
    const target = await disk.open(to, "create");
    try {
      await copyStretch(source, offset, bytes, target, 0);
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
