import type { Disk, DiskFile } from "@headwater/log";

interface Content {
  bytes: Buffer;
  size: number;
  /** What to put back if the power goes: the newest last. */
  unsynced: { readonly offset: number; readonly before: Buffer; readonly size: number }[];
}

/**
 * A disk in memory, for tests that need thousands of them. It can be full, fail, and lose its power: then nothing works
 * any more until {@link powerOn}, and what was not synced is gone. Names are durable at once; the log's own tests cover
 * the rest.
 */
export class RamDisk implements Disk {
  /** Writes and syncs throw this error code. */
  failure: "ENOSPC" | "EIO" | undefined;
  /** Writes and syncs from now on until the power goes. */
  powerCutAfter = Infinity;
  syncs = 0;
  readonly #files = new Map<string, Content>();
  /** An open file of an earlier power cycle is dead. */
  #cycle = 0;

  /** What was not synced is undone, and the disk works again. */
  powerOn(): void {
    this.#cycle++;
    this.powerCutAfter = Infinity;
    this.failure = undefined;
    for (const content of this.#files.values()) {
      for (const { offset, before, size } of content.unsynced.toReversed()) {
        before.copy(content.bytes, offset);
        content.size = size;
      }
      content.bytes.fill(0, content.size);
      content.unsynced = [];
    }
  }

  async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    this.#touch(mode === "create");
    let content = this.#files.get(path);
    if (mode === "create") {
      if (content !== undefined) throw failure("EEXIST");
      content = { bytes: Buffer.alloc(0), size: 0, unsynced: [] };
      this.#files.set(path, content);
    }
    if (content === undefined) throw failure("ENOENT");
    return await Promise.resolve(this.#file(content));
  }

  async makeDirectory(): Promise<void> {
    await Promise.resolve();
  }

  async list(directory: string): Promise<string[]> {
    const names = new Set<string>();
    for (const path of this.#files.keys()) {
      if (path.startsWith(`${directory}/`)) names.add(path.slice(directory.length + 1).split("/", 1)[0] ?? "");
    }
    return await Promise.resolve([...names]);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#touch(true);
    const content = this.#files.get(from);
    if (content === undefined) throw failure("ENOENT");
    this.#files.delete(from);
    this.#files.set(to, content);
    await Promise.resolve();
  }

  async remove(path: string): Promise<void> {
    this.#touch(false);
    this.#files.delete(path);
    await Promise.resolve();
  }

  async syncDirectory(): Promise<void> {
    this.#touch(true);
    await Promise.resolve();
  }

  #file(content: Content): DiskFile {
    const cycle = this.#cycle;
    const touch = (changes: boolean): void => {
      if (cycle !== this.#cycle) throw failure("EIO");
      this.#touch(changes);
    };
    return {
      write: async (buffers, offset) => {
        touch(true);
        change(content, offset, Buffer.concat(buffers));
        await Promise.resolve();
      },
      read: async (buffer, offset) => {
        touch(false);
        const end = Math.min(content.size, offset + buffer.length);
        await Promise.resolve();
        return end <= offset ? 0 : content.bytes.copy(buffer, 0, offset, end);
      },
      sync: async () => {
        touch(true);
        this.syncs++;
        content.unsynced = [];
        await Promise.resolve();
      },
      truncate: async (bytes) => {
        touch(true);
        const gone = content.bytes.subarray(Math.min(bytes, content.size), content.size);
        content.unsynced.push({ offset: bytes, before: Buffer.from(gone), size: content.size });
        grow(content, bytes);
        content.bytes.fill(0, bytes);
        content.size = bytes;
        await Promise.resolve();
      },
      size: async () => await Promise.resolve(content.size),
      close: async () => await Promise.resolve(),
    };
  }

  #touch(changes: boolean): void {
    if (this.powerCutAfter <= 0) throw failure("EIO");
    if (!changes) return;
    this.powerCutAfter--;
    if (this.failure !== undefined) throw failure(this.failure);
  }
}

function change(content: Content, offset: number, data: Buffer): void {
  grow(content, offset + data.length);
  const before = Buffer.from(content.bytes.subarray(offset, offset + data.length));
  content.unsynced.push({ offset, before, size: content.size });
  data.copy(content.bytes, offset);
  content.size = Math.max(content.size, offset + data.length);
}

function grow(content: Content, bytes: number): void {
  if (content.bytes.length >= bytes) return;
  const larger = Buffer.alloc(Math.max(bytes, content.bytes.length * 2));
  content.bytes.copy(larger);
  content.bytes = larger;
}

function failure(code: string): Error {
  return Object.assign(new Error(`simulated ${code}`), { code });
}
