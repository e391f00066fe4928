import type { SlabPool } from "@headwater/log";

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

  /** Gives back what {@link take} gave out, before the rest. Nobody may read or write it any more. */
  giveBack(slab: Buffer): void {
    const at = this.#taken.indexOf(slab);
    if (at < 0) return;
    this.#taken.splice(at, 1);
    this.#pool.giveBack(slab);
  }

  /** To be called once, when nothing of the request runs any more. */
  release(): void {
    for (const slab of this.#taken.splice(0)) this.#pool.giveBack(slab);
  }
}
