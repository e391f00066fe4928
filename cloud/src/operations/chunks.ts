import type { RequestMemory } from "../request-memory.js";

/** A size that memory is used again in, whatever the size of the whole. */
const CHUNK_BYTES_MAX = 1 << 20;
const CHUNK_BYTES_MIN = 1024;

/** Bytes that are gathered in pieces of memory, so that much of it need not lie in one. */
export class Chunks {
  readonly #memory: RequestMemory | undefined;
  readonly #full: Buffer[] = [];
  #chunk: Buffer;
  #used = 0;
  #bytesBefore = 0;

  /**
   * @param bytes how many may be expected.
   * @param memory where they are to lie; by default new memory.
   */
  constructor(bytes: number, memory?: RequestMemory) {
    this.#memory = memory;
    this.#chunk = this.#take(bytes);
  }

  /** How many there are. */
  get bytes(): number {
    return this.#bytesBefore + this.#used;
  }

  /** Copies bytes behind those that are there. */
  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#used === this.#chunk.length) this.#next();
      const part = bytes.subarray(at, at + this.#chunk.length - this.#used);
      this.#chunk.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
    }
  }

  /** The pieces, one after the other. */
  all(): readonly Buffer[] {
    return [...this.#full, this.#chunk.subarray(0, this.#used)];
  }

  #next(): void {
    this.#full.push(this.#chunk);
    this.#bytesBefore += this.#used;
    this.#used = 0;
    // As much again, so that a little more than was expected costs little memory.
    this.#chunk = this.#take(this.#bytesBefore);
  }

  #take(wanted: number): Buffer {
    const bytes = Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, Math.ceil(wanted)));
    return this.#memory?.take(bytes) ?? Buffer.allocUnsafe(bytes);
  }
}
