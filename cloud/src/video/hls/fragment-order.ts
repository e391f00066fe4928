import type { PublishedFragment } from "../store/fragment.js";

/** A fragment's place in a playlist. It never changes while there is a playlist with it. */
export interface PlacedFragment {
  readonly fragment: PublishedFragment;
  /** Its media sequence number. */
  readonly sequence: number;
  /** Breaks of the stream's time before it, and changes of its tracks, since the order begins. */
  readonly breaks: number;
  /** Durations of all before it together. */
  readonly afterMs: number;
  /** Players were shown parts of it, and it never became complete. */
  readonly isGap: boolean;
}

/** A gap or an overlap beyond this is a break. Source: GetHLSStreamingSessionURL, DiscontinuityMode. */
const BREAK_MS = 50;

/**
 * Fragments in the order of a playlist that grows at its end: what comes is placed behind what is there, and the oldest
 * places are forgotten.
 */
export class FragmentOrder {
  readonly #keptMax: number;
  #placed: PlacedFragment[] = [];
  #longestMs = 0;
  /** Placed last. */
  #newest: PlacedFragment | undefined;
  #last: PublishedFragment | undefined;
  #announced: PublishedFragment | undefined;
  #next: { sequence: number; breaks: number; afterMs: number };

  /**
   * @param sequence of the first fragment.
   * @param keptMax how many places are remembered.
   */
  constructor({ sequence, keptMax }: { readonly sequence: number; readonly keptMax: number }) {
    this.#keptMax = keptMax;
    this.#next = { sequence, breaks: 0, afterMs: 0 };
  }

  get placed(): readonly PlacedFragment[] {
    return this.#placed;
  }

  /** The longest fragment ever placed. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** The newest complete one. */
  get last(): PublishedFragment | undefined {
    return this.#last;
  }

  /** The one that is to come next, whose parts players were shown. */
  get announced(): PublishedFragment | undefined {
    return this.#announced;
  }

  /** Says that players are shown parts of a fragment. Where another becomes complete before it, it leaves a gap. */
  announce(fragment: PublishedFragment): void {
    this.#announced = fragment;
  }

  /** Says that the announced one never becomes complete: it leaves a gap at once, where there was more than a frame of it. */
  takeBack(): void {
    if (this.#announced !== undefined && this.#announced.durationMs > 0) this.#place(this.#announced, true);
    this.#announced = undefined;
  }

  add(fragment: PublishedFragment): void {
    if (this.#announced?.id !== fragment.id) this.takeBack();
    this.#announced = undefined;
    this.#place(fragment, false);
    this.#last = fragment;
  }

  #place(fragment: PublishedFragment, isGap: boolean): void {
    if (this.#newest !== undefined && isBreak(this.#newest, fragment)) this.#next.breaks += 1;
    this.#newest = { fragment, isGap, ...this.#next };
    this.#placed.push(this.#newest);
    this.#next.sequence += 1;
    this.#next.afterMs += fragment.durationMs;
    this.#longestMs = Math.max(this.#longestMs, fragment.durationMs);
    // In large steps, since each moves all places.
    if (this.#placed.length >= 2 * this.#keptMax) this.#placed = this.#placed.slice(-this.#keptMax);
  }

  /** Forgets places at the front whose fragments came before the time. */
  expire(serverMs: number): void {
    const kept = this.#placed.findIndex(({ fragment }) => fragment.serverMs >= serverMs);
    if (kept !== 0) this.#placed = kept < 0 ? [] : this.#placed.slice(kept);
  }
}

/** Whether the second cannot be played right behind the first. */
export function isBreak(
  { fragment: before, isGap }: Pick<PlacedFragment, "fragment" | "isGap">,
  after: Pick<PublishedFragment, "producerMs" | "initCrc">,
): boolean {
  if (isGap) return true;
  const gapMs = after.producerMs - (before.producerMs + before.durationMs);
  return Math.abs(gapMs) > BREAK_MS || before.initCrc !== after.initCrc;
}
