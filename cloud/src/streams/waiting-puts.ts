import { CloudError } from "../cloud-error.js";
import type { PutGate } from "./put-gate.js";

/** As much as the log lets wait for its syncs. */
const BYTES_MAX = 64 << 20;

/**
 * The puts that wait at shut gates, of all shards together. Bounded in bytes, so that a reshard whose disk hangs takes
 * no more memory from those who write elsewhere.
 */
export class WaitingPuts {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Of the records that wait now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Waits until the gate is open.
   * @param bytes of the records that wait.
   * @returns why they may not wait: `overloaded`, at once, where too many bytes wait already.
   * @throws the signal's reason, where that aborts before.
   */
  async wait(gate: PutGate, bytes: number, signal?: AbortSignal): Promise<CloudError | undefined> {
    if (this.#bytes + bytes > this.#bytesMax) {
      return new CloudError("overloaded", `${this.#bytes} bytes of records wait for reshards already`);
    }
    this.#bytes += bytes;
    try {
      await gate.opened(signal);
      return undefined;
    } finally {
      this.#bytes -= bytes;
    }
  }
}
