/** Writes what parameter sets are made of, so that tests can make sets that no encoder at hand makes. */
export class BitWriter {
  #bits = "";

  u(count: number, value: number): this {
    this.#bits += value.toString(2).padStart(count, "0");
    return this;
  }

  /** Exp-Golomb codes, one after the other. */
  ue(...values: readonly number[]): this {
    for (const value of values) {
      const digits = (value + 1).toString(2);
      this.#bits += "0".repeat(digits.length - 1) + digits;
    }
    return this;
  }

  se(...values: readonly number[]): this {
    return this.ue(...values.map((value) => (value > 0 ? 2 * value - 1 : -2 * value)));
  }

  /** With the stop bit, and the bytes that keep start codes from arising. */
  unit(...header: readonly number[]): Buffer {
    const bits = `${this.#bits}1`.padEnd(Math.ceil((this.#bits.length + 1) / 8) * 8, "0");
    const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
    const out: number[] = [];
    let zeros = 0;
    for (const byte of bytes) {
      if (zeros >= 2 && byte <= 3) {
        out.push(3);
        zeros = 0;
      }
      out.push(byte);
      zeros = byte === 0 ? zeros + 1 : 0;
    }
    return Buffer.from([...header, ...out]);
  }
}
