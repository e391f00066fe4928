import type { SlabPool } from "../slab-pool.js";

/** Appends of up to half of it lie together, so that they need neither memory nor a vector entry of their own. */
const blockBytes = 128 * 1024;

/** A piece of memory that holds appends, one after the other. */
export class AppendBlock {
  readonly view: DataView;
  /** Appends whose bytes are still needed. */
  users = 0;
  /** Bytes given out, from the start. */
  used = 0;
  readonly #memory: AppendMemory | undefined;

  constructor(
    readonly slab: Buffer,
    memory?: AppendMemory,
  ) {
    this.#memory = memory;
    this.view = new DataView(slab.buffer, slab.byteOffset, slab.length);
  }

  /** One of its appends is synced, or was not taken: nobody reads its bytes any more. */
  release(): void {
    this.#memory?.giveBack(this);
  }
}

/**
 * Where the appends of one journal are encoded. They are synced in the order in which they came, so what is held is little more
 * than what waits.
 */
export class AppendMemory {
  readonly #pool: SlabPool;
  #current: AppendBlock | undefined;

  constructor(pool: SlabPool) {
    this.#pool = pool;
  }

  /** A block whose last bytes given out are these; to be released once for each call. */
  take(bytes: number): AppendBlock {
    const block = this.#blockFor(bytes);
    block.used += bytes;
    block.users++;
    return block;
  }

  /** Leaves what was given out to the collector: after a failure nobody knows who reads it. */
  abandon(): void {
    this.#current = undefined;
  }

  giveBack(block: AppendBlock): void {
    if (--block.users > 0) return;
    if (block === this.#current) block.used = 0;
    else this.#pool.giveBack(block.slab);
  }

  #blockFor(bytes: number): AppendBlock {
    if (bytes > blockBytes / 2) return new AppendBlock(this.#pool.take(bytes), this);
    if (this.#current === undefined || this.#current.used + bytes > blockBytes)
      this.#current = new AppendBlock(this.#pool.take(blockBytes), this);
    return this.#current;
  }
}
