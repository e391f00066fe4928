/** Less is left to Node, which has a pool of its own for small buffers. */
const slabBytesMin = 64 << 10;

/**
 * Large pieces of memory that are used again. New ones cost more than what is done with them: the system hands them out
 * page by page, and the collector runs the more often the more of them it sees come and go.
 */
export class SlabPool {
  readonly #idleBytesMax: number;
  /** By size, which is a power of two. */
  readonly #idle = new Map<number, Buffer[]>();
  /** So that nothing else gets in, and nothing twice. */
  readonly #taken = new WeakSet<Buffer>();
  #idleBytes = 0;

  /** @param idleBytesMax what is kept for the next one to come. */
  constructor(idleBytesMax: number) {
    this.#idleBytesMax = idleBytesMax;
  }

  /** At least so many bytes, of any content. */
  take(bytes: number): Buffer {
    if (bytes < slabBytesMin) return Buffer.allocUnsafe(bytes);
    const size = 2 ** Math.ceil(Math.log2(bytes));
    const idle = this.#idle.get(size)?.pop();
    if (idle !== undefined) this.#idleBytes -= size;
    const slab = idle ?? Buffer.allocUnsafeSlow(size);
    this.#taken.add(slab);
    return slab;
  }

  /** Gives back what {@link take} gave out, if that was one of its own. Nobody may read or write it any more. */
  giveBack(slab: Buffer): void {
    const size = slab.length;
    if (!this.#taken.delete(slab) || this.#idleBytes + size > this.#idleBytesMax) return;
    this.#idleBytes += size;
    const same = this.#idle.get(size);
    if (same === undefined) this.#idle.set(size, [slab]);
    else same.push(slab);
  }
}
