/** Bytes of unfinished Matroska elements that all PutMedia calls together may hold. */
const BYTES_MAX = 256 << 20;

/**
 * Counts what PutMedia calls hold of frames that have not come whole. A frame may have fifty megabytes, so a few hundred
 * producers that never finish one could take all memory; those for whom there is no room are sent away.
 */
export class ArrivingBytes {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Changes a call's share. Answers whether there is room for it; the share counts in any case. */
  change(fromBytes: number, toBytes: number): boolean {
    this.#bytes += toBytes - fromBytes;
    return toBytes <= fromBytes || this.#bytes <= this.#bytesMax;
  }
}
