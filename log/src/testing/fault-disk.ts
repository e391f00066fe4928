import type { Disk, DiskFile } from "../api.js";
import { Volume } from "./volume.js";

/** What changes the disk; reads never fail here. */
export interface DiskOperation {
  readonly kind: "create" | "write" | "truncate" | "sync" | "rename" | "remove" | "syncDirectory" | "makeDirectory";
  readonly path: string;
  /** Rises with each operation. */
  readonly number: number;
}

/**
 * - `power-cut`: the operation does not come to its end, nor does anything after it.
 * - `EIO`: it fails. A sync that fails leaves its pages clean in the cache, whether or not they reached the disk, as
 *   Linux does.
 * - `ENOSPC`: it fails without effect.
 * - `short-write`: some bytes of the write arrive, then it fails for lack of room.
 */
export type DiskFault = "power-cut" | "EIO" | "ENOSPC" | "short-write";

/**
 * A disk in memory that fails in stated ways. What was not synced, names included, is lost or kept by the sector when
 * the power goes, in any combination that the seed says.
 */
export class FaultDisk implements Disk {
  /** Asked before each operation. */
  plan: (operation: DiskOperation) => DiskFault | undefined = () => undefined;
  /** Writes beyond it fail with `ENOSPC`. */
  capacityBytes = Infinity;
  operations = 0;
  readonly #volume: Volume;
  readonly #random: () => number;
  #off = false;

  constructor(seed: number, volume = new Volume()) {
    this.#random = randomOf(seed);
    this.#volume = volume;
  }

  get isOff(): boolean {
    return this.#off;
  }

  /** The disk as the machine finds it when the power is back. Nothing works any more for who holds this one. */
  powerOn(): FaultDisk {
    this.#off = true;
    return new FaultDisk(Math.floor(this.#random() * 2 ** 32), this.#volume.afterPowerCut(this.#random));
  }

  /** The disk as the next process finds it after this one was killed: the cache is still there. */
  afterKill(): FaultDisk {
    this.#off = true;
    return new FaultDisk(Math.floor(this.#random() * 2 ** 32), this.#volume);
  }

  /** Inverts one bit of a file, on the disk and in the cache. */
  flipBit(path: string, bit: number): void {
    this.#volume.file(path).flipBit(bit);
  }

  /** All files with their lengths. */
  files(): Map<string, number> {
    return this.#volume.lengths();
  }

  bytesOf(path: string): Buffer {
    return this.#volume.file(path).read(0, this.#volume.file(path).length);
  }

  async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    await this.#operate(mode === "create" ? "create" : undefined, path);
    const file = mode === "create" ? this.#volume.create(path) : this.#volume.file(path);
    return {
      write: async (buffers, offset) => {
        const bytes = Buffer.concat(buffers);
        const fault = await this.#operate("write", path);
        const room = file.roomFor(bytes.length, offset);
        const full = room > 0 && this.#volume.bytes() + room > this.capacityBytes;
        const isShort = full || fault === "short-write";
        file.write(isShort ? bytes.subarray(0, Math.floor(this.#random() * bytes.length)) : bytes, offset);
        if (isShort) throw failure("ENOSPC");
      },
      read: async (buffer, offset) => {
        await this.#operate(undefined, path);
        return file.read(offset, buffer.length).copy(buffer);
      },
      sync: async () => {
        // What is written while a sync runs is not promised by it.
        const dirty = file.dirty();
        try {
          await this.#operate("sync", path);
        } catch (error) {
          if (!this.#off) file.failSync(this.#random);
          throw error;
        }
        file.persist(dirty);
      },
      truncate: async (bytes) => {
        await this.#operate("truncate", path);
        file.truncate(bytes);
      },
      size: async () => {
        await this.#operate(undefined, path);
        return file.length;
      },
      names: async () => {
        await this.#operate(undefined, path);
        return this.#volume.namesOf(file);
      },
      close: async () => {
        await Promise.resolve();
      },
    };
  }

  async makeDirectory(path: string): Promise<void> {
    if (this.#volume.hasDirectory(path)) return;
    await this.#operate("makeDirectory", path);
    this.#volume.makeDirectory(path);
  }

  async list(directory: string): Promise<string[]> {
    await this.#operate(undefined, directory);
    return this.#volume.list(directory);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operate("rename", from);
    this.#volume.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await this.#operate("remove", path);
    this.#volume.remove(path);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#operate("syncDirectory", path);
    this.#volume.syncDirectory(path);
  }

  /** Takes its turn, and fails where the plan says so. A short write comes back, since it is the file's to do. */
  async #operate(kind: DiskOperation["kind"] | undefined, path: string): Promise<"short-write" | undefined> {
    await Promise.resolve();
    if (this.#off) throw failure("ENXIO");
    if (kind === undefined) return undefined;
    const fault = this.plan({ kind, path, number: ++this.operations });
    if (fault === "power-cut") this.#off = true;
    if (fault === "power-cut" || fault === "EIO") throw failure("EIO");
    if (fault === "ENOSPC") throw failure("ENOSPC");
    if (fault === "short-write" && kind === "write") return fault;
    if (kind === "create" && this.#volume.bytes() >= this.capacityBytes) throw failure("ENOSPC");
    return undefined;
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`simulated ${code}`), { code });
}

/** Mulberry32: small, and the same on every machine. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
