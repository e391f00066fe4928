import type { Disk, DiskFile } from "@headwater/log";

interface Content {
  bytes: Buffer;
  size: number;
  /** What to put back if the power goes: the newest last. */
  unsynced: { readonly offset: number; readonly before: Buffer; readonly size: number }[];
}

/**
 * A disk in memory, for tests that need thousands of them. It can be full, fail, hold its syncs and reads, and lose its
 * power: then nothing works any more, and {@link powerOn} gives the disk as it comes back. Names are durable at once; the
 * log's own tests cover the rest.
 */
export class RamDisk implements Disk {
  /** Writes and syncs throw this error code. */
  failure: "ENOSPC" | "EIO" | undefined;
  /** Writes and syncs from now on until the power goes. */
  powerCutAfter = Infinity;
  syncs = 0;
  /** Syncs and reads so far that had to wait: see {@link holdSyncs} and {@link holdReads}. */
  held = 0;
  #files = new Map<string, Content>();
  #heldSyncs: Promise<void> | undefined;
  #heldReads: Promise<void> | undefined;

  get isOff(): boolean {
    return this.powerCutAfter <= 0;
  }

  /**
   * Cuts the power, if it is not cut yet: whoever still holds this disk has nothing.
   * @param kept of each file's unsynced writes, how many had reached it; the oldest are first.
   * @returns the disk as a new process finds it.
   */
  powerOn(kept: (unsynced: number) => number = () => 0): RamDisk {
    this.powerCutAfter = 0;
    const disk = new RamDisk();
    for (const [path, content] of this.#files) {
      for (const { offset, before, size } of content.unsynced.slice(kept(content.unsynced.length)).toReversed()) {
        before.copy(content.bytes, offset);
        content.size = size;
      }
      content.bytes.fill(0, content.size);
      disk.#files.set(path, { ...content, unsynced: [] });
    }
    this.#files = new Map();
    return disk;
  }

  /** Flips a bit where a file has the text, once. */
  damage(text: string): void {
    for (const { bytes } of this.#files.values()) {
      const at = bytes.indexOf(text);
      if (at >= 0) bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    }
  }

  /** From now on no sync returns. @returns lets them. */
  holdSyncs(): () => void {
    const { held, release } = hold();
    this.#heldSyncs = held;
    return () => {
      if (this.#heldSyncs === held) this.#heldSyncs = undefined;
      release();
    };
  }

  /** From now on no read returns. @returns lets them, but for those that began after this was called once more. */
  holdReads(): () => void {
    const { held, release } = hold();
    this.#heldReads = held;
    return () => {
      if (this.#heldReads === held) this.#heldReads = undefined;
      release();
    };
  }

  async #wait(held: Promise<void> | undefined): Promise<void> {
    if (held !== undefined) this.held++;
    await held;
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
    for (const file of this.#files.keys()) if (file === path || file.startsWith(`${path}/`)) this.#files.delete(file);
    await Promise.resolve();
  }

  async syncDirectory(): Promise<void> {
    this.#touch(true);
    await Promise.resolve();
  }

  #file(content: Content): DiskFile {
    return {
      write: async (buffers, offset) => {
        this.#touch(true);
        change(content, offset, Buffer.concat(buffers));
        await Promise.resolve();
      },
      read: async (buffer, offset) => {
        this.#touch(false);
        const end = Math.min(content.size, offset + buffer.length);
        await this.#wait(this.#heldReads);
        return end <= offset ? 0 : content.bytes.copy(buffer, 0, offset, end);
      },
      sync: async () => {
        const isCovered = new Set(content.unsynced);
        await this.#wait(this.#heldSyncs);
        this.#touch(true);
        this.syncs++;
        content.unsynced = content.unsynced.filter((write) => !isCovered.has(write));
      },
      truncate: async (bytes) => {
        this.#touch(true);
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
    // Not EIO: that is a bad sector, which the log reads past.
    if (this.isOff) throw failure("ENXIO");
    if (!changes) return;
    this.powerCutAfter--;
    if (this.failure !== undefined) throw failure(this.failure);
  }
}

function hold(): { readonly held: Promise<void>; readonly release: () => void } {
  let release!: () => void;
  const held = new Promise<void>((resolve) => (release = resolve));
  return { held, release };
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
