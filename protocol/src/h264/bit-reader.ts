/**
 * Reads the bits of a parameter set, first bit first, as H.264 and H.265 write them (clause 9.1 of both).
 * A read that passes the end gives 0, as do all after it, and {@link isOverrun} stays true: parsers look once, at the
 * end, and bound their loops.
 */
export class BitReader {
  #at = 0;
  #isOverrun = false;

  constructor(private readonly bytes: Uint8Array) {}

  /** Whether a read went past the end, or met a code that no 32-bit number has. */
  get isOverrun(): boolean {
    return this.#isOverrun;
  }

  /** u(n), n up to 32. */
  bits(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left--) value = value * 2 + this.#bit();
    return this.#isOverrun ? 0 : value;
  }

  flag(): boolean {
    return this.#bit() === 1;
  }

  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.bytes.length * 8) this.#isOverrun = true;
  }

  /** ue(v): Exp-Golomb, 0 to 2^32 - 2. */
  unsigned(): number {
    let zeros = 0;
    while (!this.#isOverrun && this.#bit() === 0) zeros++;
    if (zeros > 31) this.#isOverrun = true;
    const offset = this.bits(zeros);
    return this.#isOverrun ? 0 : 2 ** zeros - 1 + offset;
  }

  /** se(v): Exp-Golomb with a sign. */
  signed(): number {
    const code = this.unsigned();
    return code % 2 === 1 ? (code + 1) / 2 : 0 - code / 2; // no negative zero
  }

  #bit(): number {
    const byte = this.bytes[this.#at >> 3];
    if (byte === undefined || this.#isOverrun) {
      this.#isOverrun = true;
      return 0;
    }
    return (byte >> (7 - (this.#at++ & 7))) & 1;
  }
}
