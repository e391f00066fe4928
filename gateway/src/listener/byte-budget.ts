/**
 * Bytes that may be held at a time, lent in the order of asking: nobody overtakes one who waits, so a large request is
 * not starved by small ones.
 */
export class ByteBudget {
  readonly #bytesMax: number;
  #lentBytes = 0;
  readonly #waiting: { readonly bytes: number; readonly grant: () => void }[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get lentBytes(): number {
    return this.#lentBytes;
  }

  /**
   * Lends the bytes and calls `grant`, at once or later, synchronously with what made room. What is larger than the
   * whole budget is lent when nothing else is.
   * @returns takes the request back; does nothing once it was granted.
   */
  borrow(bytes: number, grant: () => void): () => void {
    const request = { bytes, grant };
    this.#waiting.push(request);
    this.#grant();
    return () => {
      const at = this.#waiting.indexOf(request);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      this.#grant();
    };
  }

  giveBack(bytes: number): void {
    this.#lentBytes -= bytes;
    this.#grant();
  }

  #grant(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      if (this.#lentBytes > 0 && this.#lentBytes + next.bytes > this.#bytesMax) return;
      this.#waiting.shift();
      this.#lentBytes += next.bytes;
      next.grant();
    }
  }
}
