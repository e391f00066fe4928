import type { RequestMemory } from "../request-memory.js";

/** The bytes of a body in pieces, as they came: a large one is not copied to lie in one. */
export class BodyBytes {
  readonly length: number;
  #pieces: readonly Buffer[];
  readonly #memory: RequestMemory | undefined;

  /** @param memory where it is made one piece; without it, in a buffer of its own. */
  constructor(pieces: readonly Buffer[], memory?: RequestMemory) {
    this.length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#pieces = pieces;
    this.#memory = memory;
  }

  /** All of it in one piece, which is made when it is asked for first. */
  whole(): Buffer {
    const [first, ...others] = this.#pieces;
    if (first !== undefined && others.length === 0) return first;
    const memory = this.#memory?.take(this.length) ?? Buffer.allocUnsafe(this.length);
    this.copy(memory, 0, 0, this.length);
    const whole = memory.subarray(0, this.length);
    this.#pieces = [whole];
    return whole;
  }

  /** Copies a stretch of it into other memory, which has room. */
  copy(target: Buffer, targetAt: number, from: number, to: number): void {
    let pieceAt = 0;
    for (const piece of this.#pieces) {
      if (pieceAt >= to) return;
      const start = Math.max(from - pieceAt, 0);
      if (start < piece.length) piece.copy(target, targetAt + pieceAt + start - from, start, to - pieceAt);
      pieceAt += piece.length;
    }
  }

  /** A stretch of it, each byte a character. */
  latin1(from: number, to: number): string {
    const [first, second] = this.#pieces;
    if (first !== undefined && second === undefined) return first.toString("latin1", from, to);
    const stretch = Buffer.allocUnsafe(to - from);
    this.copy(stretch, 0, from, to);
    return stretch.toString("latin1");
  }
}
