import type { Fragment, PublishedFragment } from "./fragment.js";

/** The complete fragments of a stream in memory, about 300 bytes each, in the order of their entries in the index shard. */
export class FragmentIndex {
  #fragments: PublishedFragment[] = [];
  readonly #byBegin = new Map<number, PublishedFragment>();
  readonly #byContent = new Map<string, PublishedFragment>();
  #newestLive: PublishedFragment | undefined;

  get all(): readonly PublishedFragment[] {
    return this.#fragments;
  }

  /** The newest that was not sent late. */
  get newestLive(): PublishedFragment | undefined {
    return this.#newestLive;
  }

  /** Ordinals must rise. */
  add(fragment: PublishedFragment): void {
    this.#fragments.push(fragment);
    this.#byBegin.set(fragment.begin, fragment);
    this.#byContent.set(contentKey(fragment), fragment);
    if (!fragment.isBackfill) this.#newestLive = fragment;
  }

  /** Forgets the oldest fragments that came before the time. */
  expire(serverMs: number): void {
    let count = 0;
    for (const fragment of this.#fragments) {
      if (fragment.serverMs >= serverMs) break;
      count += 1;
      this.#byBegin.delete(fragment.begin);
      this.#byContent.delete(contentKey(fragment));
      if (fragment === this.#newestLive) this.#newestLive = undefined;
    }
    if (count > 0) this.#fragments.splice(0, count);
  }

  /** The first fragment after the ordinal. */
  after(ordinal: number): PublishedFragment | undefined {
    let low = 0;
    let high = this.#fragments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#fragments[middle]!.ordinal > ordinal) high = middle;
      else low = middle + 1;
    }
    return this.#fragments[low];
  }

  /** The fragment whose first frame lies at the position of the media shard. */
  at(begin: number): PublishedFragment | undefined {
    return this.#byBegin.get(begin);
  }

  /** A fragment with the same time and content: what a producer sends again that missed our acknowledgement. */
  repeated(fragment: Fragment): PublishedFragment | undefined {
    const known = this.#byContent.get(contentKey(fragment));
    return known?.frames === fragment.frames && known.initCrc === fragment.initCrc ? known : undefined;
  }
}

function contentKey({ producerMs, bytes, contentCrc }: Fragment): string {
  return `${producerMs}/${bytes}/${contentCrc}`;
}
