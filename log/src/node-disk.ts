import * as fs from "node:fs";
import { dirname } from "node:path";
import type { Disk, DiskFile } from "./api.js";

/** The machine's own disk. */
export function nodeDisk(): Disk {
  return {
    open: openFile,
    async makeDirectory(path) {
      const made = await fs.promises.mkdir(path, { recursive: true });
      if (made === undefined) return;
      // Each directory made is an entry in its parent.
      for (let directory = path; directory.length >= made.length; directory = dirname(directory))
        await syncDirectory(dirname(directory));
    },
    async list(directory) {
      try {
        return await fs.promises.readdir(directory);
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
        throw error;
      }
    },
    rename: (from, to) => fs.promises.rename(from, to),
    remove: (path) => fs.promises.rm(path, { recursive: true, force: true }),
    syncDirectory,
  };
}

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_DSYNC } = fs.constants;
const flags = { read: O_RDONLY, write: O_RDWR, create: O_RDWR | O_CREAT | O_EXCL };
/** Elsewhere the flag may leave the bytes in the drive's cache, where Node's sync does not. */
const canSyncWrites = process.platform === "linux";

// Plain descriptors with callbacks: a FileHandle costs a fifth more per write and sync.
function openFile(
  path: string,
  mode: keyof typeof flags,
  options?: { readonly syncsWrites?: boolean },
): Promise<DiskFile> {
  const syncsWrites = canSyncWrites && options?.syncsWrites === true;
  return new Promise((resolve, reject) => {
    fs.open(path, flags[mode] | (syncsWrites ? O_DSYNC : 0), 0o640, (error, fd) =>
      error ? reject(error) : resolve(new NodeFile(fd, syncsWrites)),
    );
  });
}

function syncDirectory(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.open(path, O_RDONLY, (openError, fd) => {
      if (openError) return reject(openError);
      fs.fsync(fd, (syncError) => fs.close(fd, (closeError) => settle(syncError ?? closeError, resolve, reject)));
    });
  });
}

function settle(error: Error | null | undefined, resolve: () => void, reject: (error: Error) => void): void {
  if (error) reject(error);
  else resolve();
}

class NodeFile implements DiskFile {
  readonly syncsWrites: boolean;
  readonly #fd: number;

  constructor(fd: number, syncsWrites: boolean) {
    this.#fd = fd;
    this.syncsWrites = syncsWrites;
  }

  async write(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    let rest = buffers;
    let at = offset;
    while (rest.length > 0) {
      const written = await this.#writev(rest, at);
      at += written;
      rest = after(rest, written);
      if (written === 0 && rest.length > 0) throw new Error(`the disk took none of a write at ${at}`);
    }
  }

  #writev(buffers: readonly Uint8Array[], offset: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.writev(this.#fd, buffers as Uint8Array[], offset, (error, bytes) => (error ? reject(error) : resolve(bytes)));
    });
  }

  read(buffer: Uint8Array, offset: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, buffer, 0, buffer.length, offset, (error, bytes) => (error ? reject(error) : resolve(bytes)));
    });
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => (error ? reject(error) : resolve()));
    });
  }

  truncate(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.#fd, bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  async size(): Promise<number> {
    return (await this.#stats()).size;
  }

  async names(): Promise<number> {
    return (await this.#stats()).nlink;
  }

  #stats(): Promise<fs.Stats> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#fd, (error, stats) => (error ? reject(error) : resolve(stats)));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.close(this.#fd, (error) => (error ? reject(error) : resolve()));
    });
  }
}

/** What is left of the buffers after so many bytes; empty buffers count as written. */
function after(buffers: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let skip = bytes;
  for (let i = 0; i < buffers.length; i++) {
    const buffer = buffers[i]!;
    if (skip < buffer.length) return [buffer.subarray(skip), ...buffers.slice(i + 1)];
    skip -= buffer.length;
  }
  return [];
}
