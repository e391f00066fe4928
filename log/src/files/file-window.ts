import type { DiskFile } from "../api.js";
import { readThrough } from "./read-through.js";

/** A stretch of a file in memory that moves along with whoever scans it: views into it hold until the next {@link load}. */
export class FileWindow {
  readonly #file: DiskFile;
  /** Bytes of the file that are looked at. */
  readonly end: number;
  readonly #stepBytes: number;
  #start = 0;
  /** Used again for each stretch. */
  #memory: Buffer = Buffer.alloc(0);
  bytes: Buffer = Buffer.alloc(0);
  view = new DataView(this.bytes.buffer, this.bytes.byteOffset, 0);

  constructor(file: DiskFile, end: number, stepBytes = 4 * 1024 * 1024) {
    this.#file = file;
    this.end = end;
    this.#stepBytes = stepBytes;
  }

  /** Where an offset of the file lies in {@link bytes}. */
  at(offset: number): number {
    return offset - this.#start;
  }

  /** Whether the bytes are in the window: if so, {@link load} would do nothing. */
  has(offset: number, length: number): boolean {
    return offset >= this.#start && offset + length <= this.#start + this.bytes.length;
  }

  /** Brings the bytes in, or as many as the file has. */
  async load(offset: number, length: number): Promise<void> {
    if (this.has(offset, length)) return;
    const wanted = Math.max(0, Math.min(Math.max(length, this.#stepBytes), this.end - offset));
    if (this.#memory.length < wanted) this.#memory = Buffer.allocUnsafeSlow(wanted);
    const bytes = this.#memory.subarray(0, wanted);
    const done = await readThrough(this.#file, bytes, offset);
    this.#start = offset;
    this.bytes = bytes.subarray(0, done);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, done);
  }
}
