/** Takes the bytes of one element as they arrive. Its memory follows what has arrived, not what was announced. */
export class PayloadBuffer {
  #bytes: Buffer;
  #filled = 0;

  constructor(readonly sizeBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(sizeBytes, allocatedAtOnceBytes));
  }

  get missingBytes(): number {
    return this.sizeBytes - this.#filled;
  }

  /** At most {@link missingBytes}. */
  append(bytes: Uint8Array): void {
    const filled = this.#filled + bytes.length;
    if (filled > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.sizeBytes, Math.max(filled, this.#bytes.length * 2)));
      larger.set(this.#bytes.subarray(0, this.#filled));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#filled);
    this.#filled = filled;
  }

  /** All bytes, once none is missing. */
  take(): Buffer {
    return this.#bytes;
  }
}

/** Nearly every frame is shorter, and so is copied once. */
const allocatedAtOnceBytes = 1024 * 1024;
