import { crc32 } from "node:zlib";
import type { Disk, DiskFile } from "../api.js";
import { LogError } from "../api.js";
import { asideSuffix, readWhole, writeAtomically } from "../files/atomic-file.js";
import { diskError } from "../files/disk-error.js";
import { basename, dirname } from "node:path";

/** What is durable about a shard beside its frames. */
export interface ShardRow {
  readonly name: string;
  /** Never given to another shard, so that frames of a deleted one are recognised. */
  readonly number: number;
  /** Frames before this position are forgotten. */
  readonly trimmed: number;
  /** The next position is at least this, whatever frames are found: positions are never given twice. */
  readonly nextMin: number;
}

export interface ShardTableContent {
  readonly nextNumber: number;
  readonly rows: readonly ShardRow[];
}

/**
 * The table of shards: one line, a CRC-32 in hex and JSON, kept twice so that damage to one copy costs nothing.
 * docs/design/log.md, "Shard table".
 */
export class ShardTable {
  readonly #disk: Disk;
  readonly #paths: readonly [string, string];
  #version = 0;
  /** The copies that are known to hold. */
  readonly #intact = new Set<string>();
  #writing: Promise<void> | undefined;
  #queued: Promise<void> | undefined;

  constructor(disk: Disk, paths: readonly [string, string]) {
    this.#disk = disk;
    this.#paths = paths;
  }

  /**
   * The newest intact copy; the empty table where there is none at all.
   * @throws {LogError} `disk-failed` where there are copies but none is intact.
   */
  async read(): Promise<ShardTableContent> {
    const names = await this.#disk.list(dirname(this.#paths[0]));
    const there = this.#paths.filter((path) => names.includes(basename(path)));
    if (there.length === 0) return { nextNumber: 0, rows: [] };
    let newest: (ShardTableContent & { version: number }) | undefined;
    for (const path of there) {
      const copy = await readWhole(this.#disk, path).then(decode, () => undefined);
      if (copy !== undefined) this.#intact.add(path);
      if (copy !== undefined && (newest === undefined || copy.version > newest.version)) newest = copy;
    }
    if (newest === undefined) throw new LogError("disk-failed", `${there.join(" and ")}: damaged`);
    this.#version = newest.version;
    return newest;
  }

  /** Writes what `content` answers once the write before is done; calls meanwhile share one write. */
  write(content: () => ShardTableContent): Promise<void> {
    this.#queued ??= (async () => {
      await this.#writing?.catch(() => undefined); // heard by who started it
      this.#queued = undefined;
      this.#writing = this.#writeCopies(content());
      await this.#writing;
    })();
    return this.#queued;
  }

  async #writeCopies(content: ShardTableContent): Promise<void> {
    const json = JSON.stringify({ version: ++this.#version, ...content });
    const bytes = Buffer.from(`${checksumOf(json)} ${json}\n`);
    for (const [path, other] of [this.#paths, this.#paths.toReversed()] as [string, string][]) {
      try {
        await writeAtomically(this.#disk, path, bytes);
      } catch (error) {
        if (diskError(error, "table").code !== "disk-full" || !this.#intact.has(other)) throw error;
        await this.#overwrite(path, bytes, error);
      }
      this.#intact.add(path);
    }
  }

  /** On a full disk, where trimming makes room and must be written down first, a copy is replaced in its place. */
  async #overwrite(path: string, bytes: Buffer, full: unknown): Promise<void> {
    await this.#disk.remove(`${path}${asideSuffix}`);
    this.#intact.delete(path);
    let file: DiskFile | undefined;
    try {
      file = await this.#disk.open(path, "write");
      await file.write([bytes], 0);
      await file.truncate(bytes.length);
      await file.sync();
    } catch {
      throw full;
    } finally {
      await file?.close();
    }
  }
}

function checksumOf(json: string): string {
  return crc32(json).toString(16).padStart(8, "0");
}

function decode(bytes: Buffer): (ShardTableContent & { version: number }) | undefined {
  const text = bytes.toString("utf8");
  const json = text.slice(9, -1);
  if (text.slice(0, 8) !== checksumOf(json)) return undefined;
  return JSON.parse(json) as ShardTableContent & { version: number };
}
