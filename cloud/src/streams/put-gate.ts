/**
 * The way into a shard for puts, which a reshard shuts: puts that come then wait until it opens again, and go wherever
 * their keys are held by then. See docs/design/shards.md.
 */
export class PutGate {
  #underWay = 0;
  #idle: (() => void) | undefined;
  #isShut = false;
  /** In the order of their coming. */
  readonly #waiting = new Set<() => void>();

  get isShut(): boolean {
    return this.#isShut;
  }

  /** Counts a put as under way, until it leaves. Only while the gate is open. */
  enter(): void {
    if (this.#isShut) throw new RangeError("a put went past a shut gate");
    this.#underWay += 1;
  }

  leave(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#idle?.();
  }

  /** Resolves once the gate is open. @throws the signal's reason, where that aborts before. */
  opened(signal?: AbortSignal): Promise<void> {
    if (!this.#isShut) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.delete(go);
        reject(signal?.reason as Error);
      };
      this.#waiting.add(go);
      signal?.addEventListener("abort", leave, { once: true });
      if (signal?.aborted === true) leave();
    });
  }

  /** Lets nothing in from now on. Resolves once what was under way has settled. */
  async shut(): Promise<void> {
    this.#isShut = true;
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => (this.#idle = resolve));
    this.#idle = undefined;
  }

  open(): void {
    this.#isShut = false;
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }
}
