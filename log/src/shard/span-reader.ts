import type { ReadMemory } from "../api.js";
import type { ReadHandles } from "../files/log-file.js";
import type { Part } from "./part.js";

/** Runs of a part that were read in one go. */
export interface Span {
  readonly buffer: Buffer;
  /** Where each of the runs begins in the buffer. */
  readonly starts: readonly number[];
  /** Where the last one ended when they were read. */
  readonly end: number;
}

/**
 * Reads runs together that lie near each other. Where most of what lies between them is of others, as in a journal that many
 * shards share, they are moved together: a page that held all of it would hold fifty times what it answers.
 */
export class SpanReader {
  readonly #part: Part;
  readonly #handles: ReadHandles;
  readonly #memory: ReadMemory;
  /** What is moved together is read here first, one span after the other. */
  #aside: Buffer = Buffer.alloc(0);

  /** @param memory where the runs are to lie. */
  constructor(part: Part, handles: ReadHandles, memory: ReadMemory) {
    this.#part = part;
    this.#handles = handles;
    this.#memory = memory;
  }

  /** Reads the runs from one to another, both included. */
  async read(first: number, last: number): Promise<Span> {
    const { offsets, ends } = this.#part.index;
    const from = offsets[first]!;
    const bytes = ends[last]! - from;
    // They are looked at once: the last may grow meanwhile.
    const places = offsets
      .slice(first, last + 1)
      .map((offset, i) => ({ at: offset - from, end: ends[first + i]! - from }));
    const runsBytes = places.reduce((sum, { at, end }) => sum + end - at, 0);
    if (runsBytes * 2 > bytes) {
      const buffer = this.#memory.take(bytes).subarray(0, bytes);
      await this.#handles.read(this.#part.file, buffer, from);
      return { buffer, starts: places.map(({ at }) => at), end: bytes };
    }
    if (this.#aside.length < bytes) this.#aside = Buffer.allocUnsafeSlow(bytes);
    const aside = this.#aside.subarray(0, bytes);
    await this.#handles.read(this.#part.file, aside, from);
    const buffer = this.#memory.take(runsBytes).subarray(0, runsBytes);
    const starts: number[] = [];
    let to = 0;
    for (const { at, end } of places) {
      starts.push(to);
      to += aside.copy(buffer, to, at, end);
    }
    return { buffer, starts, end: runsBytes };
  }
}
