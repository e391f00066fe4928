/** Less is left to Node, which has a pool of its own for small buffers. */
const SLAB_BYTES_MIN = 64 << 10;

/**
 * Large pieces of memory that are used again. New ones cost more than what is done with them: the system hands them out
 * page by page, and the collector runs the more often the more of them it sees come and go.
 */
export class SlabPool {
  readonly #idleBytesMax: number;
  /** By size, which is a power of two. */
  readonly #idle = new Map<number, Buffer[]>();
  #idleBytes = 0;

  /** @param idleBytesMax what is kept for the next one to come. */
  constructor(idleBytesMax: number) {
    this.#idleBytesMax = idleBytesMax;
  }

  /** At least so many bytes, of any content. */
  take(bytes: number): Buffer {
    if (bytes < SLAB_BYTES_MIN) return Buffer.allocUnsafe(bytes);
    const size = 2 ** Math.ceil(Math.log2(bytes));
    const slab = this.#idle.get(size)?.pop();
    if (slab === undefined) return Buffer.allocUnsafeSlow(size);
    this.#idleBytes -= size;
    return slab;
  }

  /** Gives back what {@link take} gave out. Nobody may read or write it any more. */
  giveBack(slab: Buffer): void {
    const size = slab.length;
    if (size < SLAB_BYTES_MIN || this.#idleBytes + size > this.#idleBytesMax) return;
    this.#idleBytes += size;
    const same = this.#idle.get(size);
    if (same === undefined) this.#idle.set(size, [slab]);
    else same.push(slab);
  }
}

/** The slabs of one request, given back together when it is over. */
export class RequestMemory {
  readonly #pool: SlabPool;
  readonly #taken: Buffer[] = [];

  constructor(pool: SlabPool) {
    this.#pool = pool;
  }

  /** At least so many bytes, of any content, until the request is over. */
  take(bytes: number): Buffer {
    const slab = this.#pool.take(bytes);
    this.#taken.push(slab);
    return slab;
  }

  /** To be called once, when nothing of the request runs any more. */
  release(): void {
    for (const slab of this.#taken.splice(0)) this.#pool.giveBack(slab);
  }
}
