import type { FramePage, ReadLimits } from "../api.js";
import type { FramePiece } from "./frame-piece.js";

/** A page on its way: what was found so far, and how much more may come. */
export class PageReading {
  readonly #limits: ReadLimits;
  readonly #pieces: FramePiece[] = [];
  #frames = 0;
  #bytes = 0;
  #isFull = false;

  /** @param next the position from which on frames are wanted; rises as they are found. */
  constructor(
    limits: ReadLimits,
    public next: number,
  ) {
    this.#limits = limits;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  get isEmpty(): boolean {
    return this.#frames === 0;
  }

  /** How many frames were found. */
  get frames(): number {
    return this.#frames;
  }

  /** How many more frames are wanted. */
  get framesLeft(): number {
    return this.#limits.frames - this.#frames;
  }

  /** How many more bytes of payload are wanted. */
  get bytesLeft(): number {
    return this.#limits.bytes - this.#bytes;
  }

  /** Whether one more frame would be too many, or too long. The first never is. */
  isTooMuch(payloadBytes: number): boolean {
    if (this.isEmpty) return false;
    return this.framesLeft < 1 || Math.max(1, payloadBytes) > this.bytesLeft;
  }

  /** Adds frames that follow those that are there; there is at least one. */
  add(piece: FramePiece, payloadBytes: number): void {
    this.#pieces.push(piece);
    this.#frames += piece.frames;
    this.#bytes += payloadBytes;
    this.next = piece.position(piece.frames - 1) + 1;
    this.#isFull = this.framesLeft < 1 || this.bytesLeft < 1;
  }

  /** Nothing more is to come, though there may be room: the next frame would be too long. */
  end(): void {
    this.#isFull = true;
  }

  page(): FramePage {
    const last = this.#pieces.at(-1);
    return {
      pieces: this.#pieces,
      frames: this.#frames,
      payloadBytes: this.#bytes,
      lastArrivalMs: last?.arrivalMs(last.frames - 1),
      next: this.next,
    };
  }
}
