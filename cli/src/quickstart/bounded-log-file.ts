import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";

/**
 * A log file that, once full, becomes `<path>.1` in place of the one before: two files of at most `bytesMax` each.
 * Where the disk takes nothing, what is lost is counted, and said in the file as soon as it takes something again.
 */
export class BoundedLogFile {
  #descriptor: number;
  #bytes: number;
  #lostBytes = 0;

  constructor(
    readonly path: string,
    private readonly bytesMax: number,
  ) {
    this.#descriptor = openSync(path, "a");
    this.#bytes = fstatSync(this.#descriptor).size;
  }

  write(chunk: Uint8Array): void {
    try {
      if (this.#bytes > 0 && this.#bytes + chunk.length > this.bytesMax) this.#rotate();
      if (this.#lostBytes > 0) {
        writeSync(this.#descriptor, `(${this.#lostBytes} bytes of log are missing here: they could not be written)\n`);
        this.#lostBytes = 0;
      }
      this.#bytes += writeSync(this.#descriptor, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      this.#lostBytes += chunk.length;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #rotate(): void {
    renameSync(this.path, `${this.path}.1`);
    const next = openSync(this.path, "a");
    closeSync(this.#descriptor);
    this.#descriptor = next;
    this.#bytes = 0;
  }
}
