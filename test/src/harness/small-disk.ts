import { execFileSync } from "node:child_process";
import { open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./run.js";
import type { Scope } from "./scope.js";

/** A file system of the test's own (tmpfs, so it takes root), small enough to fill in no time. */
export class SmallDisk {
  private constructor(readonly directory: string) {}

  static async mount(scope: Scope, mebibytes: number): Promise<SmallDisk> {
    const directory = await scope.directory("small-disk");
    await run(scope, ["mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "headwater-test", directory]);
    // Lazily: a process of a failed test may still have a file open when this runs.
    scope.defer(() => execFileSync("umount", ["--lazy", directory]));
    return new SmallDisk(directory);
  }

  /** Takes every free byte with a file that is in nobody's way. */
  async fill(): Promise<void> {
    const file = await open(this.#ballast, "a");
    try {
      const chunk = Buffer.alloc(64 * 1024, 1);
      for (;;) {
        const { bavail, bsize } = await statfs(this.directory);
        if (bavail === 0) return;
        await file.write(chunk.subarray(0, Math.min(chunk.length, bavail * bsize)));
      }
    } catch (error) {
      // Someone else took the last page in between.
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      await file.close();
    }
  }

  /** Gives the space back. */
  async free(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  get #ballast(): string {
    return join(this.directory, "ballast");
  }
}
