import type { Disk, DiskFile } from "../api.js";

/** A disk that hands everything on to another one; a test overrides what it wants to see or change. */
export class DiskOver implements Disk {
  protected readonly below: Disk;

  constructor(below: Disk) {
    this.below = below;
  }

  open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    return this.below.open(path, mode);
  }
  makeDirectory(path: string): Promise<void> {
    return this.below.makeDirectory(path);
  }
  list(directory: string): Promise<string[]> {
    return this.below.list(directory);
  }
  rename(from: string, to: string): Promise<void> {
    return this.below.rename(from, to);
  }
  remove(path: string): Promise<void> {
    return this.below.remove(path);
  }
  syncDirectory(path: string): Promise<void> {
    return this.below.syncDirectory(path);
  }
}
