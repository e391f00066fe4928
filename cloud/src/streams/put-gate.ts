/**
 * The way into a shard for puts, which a reshard shuts: puts that come then wait until it opens again, and go wherever
 * their keys are held by then. See docs/design/shards.md.
 */
export class PutGate {
  #underWay = 0;
  #idle: (() => void) | undefined;
  #opened: Promise<void> | undefined;
  #open: (() => void) | undefined;

  /** While it is shut: resolves once it opens. */
  get opened(): Promise<void> | undefined {
    return this.#opened;
  }

  /** Counts a put as under way. Only while the gate is open. */
  async pass<T>(put: () => Promise<T>): Promise<T> {
    if (this.#opened !== undefined) throw new RangeError("a put went past a shut gate");
    this.#underWay += 1;
    try {
      return await put();
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#idle?.();
    }
  }

  /** Lets nothing in from now on. Resolves once what was under way has settled. */
  async shut(): Promise<void> {
    this.#opened = new Promise((resolve) => (this.#open = resolve));
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => (this.#idle = resolve));
    this.#idle = undefined;
  }

  open(): void {
    this.#opened = undefined;
    this.#open?.();
  }
}
