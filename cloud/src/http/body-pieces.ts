import type { RequestMemory } from "../request-memory.js";
import { BodyBytes } from "./body-bytes.js";

/** A shorter chunk is copied. */
const KEPT_BYTES_MIN = 16 << 10;
/** So is one that is less of the memory in which it lies. */
const KEPT_SHARE_MIN = 0.75;
/** Of memory for chunks that are copied. */
const JOINT_BYTES_MAX = 64 << 10;
const NOTHING = Buffer.alloc(0);

/**
 * Gathers a body's chunks. Large ones stay where they are; small ones are copied side by side: who sends byte by byte would have hundreds
 * of bytes held for each.
 */
export class BodyPieces {
  #pieces: Buffer[] = [];
  readonly #memory: RequestMemory | undefined;
  /** The first chunk, which mostly is all, until there is another. */
  #first: Buffer | undefined;
  /** That may still come to lie here. */
  #bytesLeft: number;
  /** Where chunks are copied to, and the stretch of it that is no piece yet. */
  #joint: Buffer = NOTHING;
  #from = 0;
  #to = 0;

  /**
   * @param bytesMax of all chunks.
   * @param memory where chunks are copied to; without it, into buffers of their own.
   */
  constructor(bytesMax: number, memory: RequestMemory | undefined) {
    this.#bytesLeft = bytesMax;
    this.#memory = memory;
  }

  /** Nobody may write to the chunk any more. */
  push(chunk: Buffer): void {
    const first = this.#first;
    if (first === undefined && this.#pieces.length === 0 && this.#to === 0) {
      this.#first = chunk;
      return;
    }
    this.#first = undefined;
    if (first !== undefined) this.#add(first);
    this.#add(chunk);
  }

  /** What was gathered, of which this holds nothing any more. Nothing is pushed afterwards. */
  end(): BodyBytes {
    this.#cut();
    const pieces = this.#first === undefined ? this.#pieces : [this.#first];
    this.drop();
    return new BodyBytes(pieces, this.#memory);
  }

  /** Holds nothing any more. Nothing is pushed afterwards. */
  drop(): void {
    this.#pieces = [];
    this.#first = undefined;
    this.#joint = NOTHING;
  }

  #add(chunk: Buffer): void {
    if (isKept(chunk)) {
      this.#cut();
      this.#pieces.push(chunk);
    } else this.#copy(chunk);
    this.#bytesLeft -= chunk.length;
  }

  #copy(chunk: Buffer): void {
    for (let copied = 0; copied < chunk.length;) {
      if (this.#to === this.#joint.length) this.#open(this.#bytesLeft - copied);
      const bytes = chunk.copy(this.#joint, this.#to, copied);
      this.#to += bytes;
      copied += bytes;
    }
  }

  #open(bytesLeft: number): void {
    this.#cut();
    const bytes = Math.min(bytesLeft, JOINT_BYTES_MAX);
    this.#joint = this.#memory?.take(bytes) ?? Buffer.allocUnsafe(bytes);
    this.#from = 0;
    this.#to = 0;
  }

  /** What was copied so far becomes a piece. */
  #cut(): void {
    if (this.#from < this.#to) this.#pieces.push(this.#joint.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}

function isKept(chunk: Buffer): boolean {
  return chunk.length >= KEPT_BYTES_MIN && chunk.length >= chunk.buffer.byteLength * KEPT_SHARE_MIN;
}
