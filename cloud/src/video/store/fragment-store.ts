import type { Clock, Log } from "@headwater/log";
import type { Fragment, PublishedFragment } from "./fragment.js";
import { FragmentIndex } from "./fragment-index.js";
import { encodeIndexEntry } from "./index-entry.js";
import { MediaAppender } from "./media-appender.js";
import { type NewFragment, OpenFragment } from "./open-fragment.js";
import { recoverFragments } from "./recover-fragments.js";

export interface FragmentStoreOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly shards: FragmentShards;
}

export interface FragmentShards {
  readonly media: string;
  readonly index: string;
}

/**
 * The fragments of one stream: how they become complete and visible, and who waits for them. Everything lies in two
 * shards of the log; in memory is only the index.
 * See docs/design/video.md, invariants 1, 2, 3 and 5.
 */
export class FragmentStore {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #shards: FragmentShards;
  readonly #index = new FragmentIndex();
  /** Not complete, or complete and not in the index yet. */
  readonly #open = new Set<OpenFragment>();
  readonly #waiting = new Set<() => void>();
  #lastPublish: Promise<unknown> = Promise.resolve();
  /** Fragments that a crash left half way, found at the start. */
  readonly incomplete: number;

  private constructor({ log, clock, shards }: FragmentStoreOptions, incomplete: number) {
    this.#log = log;
    this.#clock = clock;
    this.#shards = shards;
    this.incomplete = incomplete;
  }

  /**
   * Opens what is on disk; a fragment that is complete and has no entry gets it now.
   * @throws {LogError} `disk-full`, `disk-failed`. @throws {RangeError} where a later version wrote it.
   */
  static async open(options: FragmentStoreOptions): Promise<FragmentStore> {
    const { published, unpublished, incomplete } = await recoverFragments(options.log, options.shards);
    const store = new FragmentStore(options, incomplete);
    for (const fragment of published) store.#index.add(fragment);
    for (const fragment of unpublished) {
      if (store.#index.repeated(fragment) === undefined) await store.#publish(fragment, fragment.end);
    }
    return store;
  }

  /**
   * A way into the store for one connection.
   * @param signal once it aborts, what an overloaded log has not taken is given up.
   * @param onFailure hears what the log threw; nothing is stored after that.
   */
  appender(signal: AbortSignal, onFailure: (error: unknown) => void): MediaAppender {
    return new MediaAppender(this.#log, this.#shards.media, signal, onFailure);
  }

  /** Begins a fragment. Its frames go through the appender; others may come at the same time. */
  begin(appender: MediaAppender, start: NewFragment, onBegun: (begin: number) => void): OpenFragment {
    const fragment = new OpenFragment(appender, start, this.#log.bounds(this.#shards.media).next, onBegun);
    this.#open.add(fragment);
    return fragment;
  }

  /**
   * Makes a complete fragment visible. Resolves when that is durable, with the fragment; where the store has the very
   * same one already, with that one.
   * @throws {LogError}
   */
  publish(open: OpenFragment, fragment: Fragment): Promise<{ fragment: Fragment; isRepeat: boolean }> {
    const publish = async (): Promise<{ fragment: Fragment; isRepeat: boolean }> => {
      const known = this.#index.repeated(fragment);
      if (known === undefined) {
        const others = [...this.#open].filter((other) => other !== open).map(({ scanFrom }) => scanFrom);
        await this.#publish(fragment, Math.min(fragment.end, ...others));
      }
      this.abandon(open);
      return { fragment: known ?? fragment, isRepeat: known !== undefined };
    };
    // One after the other: two connections may bring the same fragment at the same time.
    const published = this.#lastPublish.then(publish, publish);
    this.#lastPublish = published;
    return published;
  }

  /** Lets a fragment go that will not become visible, or is. */
  abandon(open: OpenFragment): void {
    if (this.#open.delete(open)) this.#wake();
  }

  /** Fragments that are still coming, and what is complete but not visible. */
  get coming(): readonly OpenFragment[] {
    return [...this.#open];
  }

  /** The fragments that came at or after the time, in the order in which they became complete. */
  published(horizonMs: number): readonly PublishedFragment[] {
    this.#index.expire(horizonMs);
    return this.#index.all;
  }

  /** The newest fragment that was not sent late; see {@link published}. */
  newestLive(horizonMs: number): PublishedFragment | undefined {
    this.#index.expire(horizonMs);
    return this.#index.newestLive;
  }

  /** The first fragment that became complete after the one with the ordinal; see {@link published}. */
  after(ordinal: number, horizonMs: number): PublishedFragment | undefined {
    this.#index.expire(horizonMs);
    return this.#index.after(ordinal);
  }

  /** The fragment whose number ends in the position. */
  at(begin: number, horizonMs: number): PublishedFragment | undefined {
    this.#index.expire(horizonMs);
    return this.#index.at(begin);
  }

  /** Resolves once a fragment has become complete or was given up, or once the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  /** Lets the log free what is before the time. Call it from time to time. @throws {LogError} */
  async trim(horizonMs: number): Promise<void> {
    const kept = this.published(horizonMs);
    const { media, index } = this.#shards;
    let mediaFrom = this.#log.bounds(media).next;
    for (const { scanFrom } of this.#open) mediaFrom = Math.min(mediaFrom, scanFrom);
    for (const { begin } of kept) mediaFrom = Math.min(mediaFrom, begin);
    await this.#log.trimBefore(index, kept[0]?.ordinal ?? this.#log.bounds(index).next);
    await this.#log.trimBefore(media, mediaFrom);
  }

  now(): number {
    return this.#clock.now();
  }

  async #publish(fragment: Fragment, scanFrom: number): Promise<void> {
    const entry = encodeIndexEntry({ fragment, scanFrom });
    const { position } = await this.#log.append(this.#shards.index, [{ data: entry }]);
    this.#index.add({ ...fragment, ordinal: position });
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
