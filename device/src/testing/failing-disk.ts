import { type Disk, type DiskFile, nodeDisk } from "@headwater/log";

/** The machine's disk, whose writes and syncs fail while a test says so. */
export class FailingDisk implements Disk {
  failure: "ENOSPC" | "EIO" | undefined;
  syncs = 0;
  readonly #real = nodeDisk();

  open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    return this.#guarded(async () => this.#wrap(await this.#real.open(path, mode)), mode === "create");
  }
  makeDirectory(path: string): Promise<void> {
    return this.#real.makeDirectory(path);
  }
  list(directory: string): Promise<string[]> {
    return this.#real.list(directory);
  }
  rename(from: string, to: string): Promise<void> {
    return this.#real.rename(from, to);
  }
  remove(path: string): Promise<void> {
    return this.#real.remove(path);
  }
  syncDirectory(path: string): Promise<void> {
    return this.#real.syncDirectory(path);
  }

  #wrap(file: DiskFile): DiskFile {
    return {
      write: (buffers, offset) => this.#guarded(() => file.write(buffers, offset), true),
      read: (buffer, offset) => file.read(buffer, offset),
      sync: () => {
        this.syncs++;
        return this.#guarded(() => file.sync(), this.failure === "EIO");
      },
      truncate: (bytes) => file.truncate(bytes),
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  async #guarded<T>(act: () => Promise<T>, canFail: boolean): Promise<T> {
    if (canFail && this.failure !== undefined) {
      throw Object.assign(new Error(this.failure), { code: this.failure });
    }
    return act();
  }
}
