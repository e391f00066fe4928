import { setImmediate as nextTurn } from "node:timers/promises";
import { crc32 } from "node:zlib";
import type { Log } from "@headwater/log";
import { decodeMediaRecord } from "../store/media-record.js";
import { isBackfillTag } from "../store/fragment.js";
import type { FragmentStore } from "../store/fragment-store.js";
import type { OpenFragment } from "../store/open-fragment.js";
import type { VideoStream } from "../video-stream.js";

type Wake = (error?: unknown) => void;

/** A fragment as far as it has come. */
export interface TailFragment {
  readonly id: bigint;
  /** Where it begins in the media shard. */
  readonly begin: number;
  readonly producerMs: number;
  readonly serverMs: number;
  readonly initCrc: number;
  /** When the latest frame is shown. */
  lastMs: number;
  /** Of all tracks. */
  readonly frames: TailFrame[];
}

/** A frame without its data. */
export interface TailFrame {
  readonly track: number;
  readonly isKey: boolean;
  readonly timecodeMs: number;
  /** In the media shard. */
  readonly position: number;
  readonly bytes: number;
}

const PAGE = { frames: 1024, bytes: 4 << 20 };
/** Fragments that are remembered: what is coming, and the ones before it whose parts players may still be reading. */
const FRAGMENTS_MAX = 8;
const FRAMES_MAX = 20_000;
/** Said without a stack trace, which costs more than all else here. */
const OVER = new DOMException("nobody waits any more", "AbortError");
/** Players that are woken in one turn of the event loop: each makes a playlist then, and others are to get their turn. */
const WOKEN_AT_ONCE = 16;

/** The end of a stream's media shard: fragments that are still coming, but for what was sent late. It reads when it is asked, and from the newest. */
export class LiveTail {
  readonly #log: Log;
  readonly #stream: VideoStream;
  /** In the order of their beginnings. */
  readonly #fragments = new Map<bigint, TailFragment>();
  #position = 0;
  #reading: Promise<void> | undefined;
  readonly #waiting = new Set<Wake>();
  #isWatched = false;

  constructor(log: Log, stream: VideoStream) {
    this.#log = log;
    this.#stream = stream;
  }

  /** Up to here the media shard was read. */
  get position(): number {
    return this.#position;
  }

  get fragments(): readonly TailFragment[] {
    return [...this.#fragments.values()];
  }

  find(id: bigint): TailFragment | undefined {
    return this.#fragments.get(id);
  }

  /** Reads what has come since the last time. @throws {LogError} */
  catchUp(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  /**
   * Resolves when there is more to read or a fragment became complete or was given up, or once the signal aborts.
   * @throws {LogError}
   */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (error?: unknown): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", leave);
        if (error === undefined) resolve();
        else reject(error);
      };
      const leave = (): void => wake();
      if (signal.aborted) return resolve();
      this.#waiting.add(wake);
      signal.addEventListener("abort", leave);
      if (!this.#isWatched) void this.#watch();
    });
  }

  /** Watches for all who wait: thousands of players may look at one stream. */
  async #watch(): Promise<void> {
    this.#isWatched = true;
    while (this.#waiting.size > 0) {
      const failure = await this.#moved().then(
        () => undefined,
        (error: unknown) => error,
      );
      // Who came after the change, and is woken for nothing, looks again; nobody is missed.
      const woken = [...this.#waiting];
      this.#waiting.clear();
      void wakeInTurns(woken, failure);
    }
    this.#isWatched = false;
  }

  async #moved(): Promise<void> {
    const over = new AbortController();
    const { store, shards } = this.#stream;
    const grown = this.#log.grown(shards.media, this.#position, over.signal).catch((error: unknown) => {
      if (!over.signal.aborted) throw error;
    });
    try {
      await Promise.race([grown, store.changed(over.signal)]);
    } finally {
      over.abort(OVER);
    }
  }

  async #read(): Promise<void> {
    const { store, shards, horizonMs } = this.#stream;
    const newest = store.newestLive(horizonMs());
    // After a while without readers, nobody waits for what was between.
    if (newest !== undefined) {
      const from = Math.min(newest.begin, ...liveComing(store, newest.producerMs).map(({ scanFrom }) => scanFrom));
      if (this.#position < from) {
        this.#position = from;
        this.#fragments.clear();
      }
    }
    for (const { next } = this.#log.bounds(shards.media); this.#position < next;) {
      const page = await this.#log.read(shards.media, this.#position, PAGE);
      for (const { position, data } of page.frames) this.#take(position, data);
      this.#forgetOldest();
      if (page.next <= this.#position) return;
      this.#position = page.next;
    }
  }

  #forgetOldest(): void {
    for (const id of this.#fragments.keys()) {
      if (this.#fragments.size <= FRAGMENTS_MAX) return;
      this.#fragments.delete(id);
    }
  }

  #take(position: number, data: Buffer): void {
    const record = decodeMediaRecord(data);
    const { id } = record;
    if (record.kind === "begin") {
      const { producerMs, serverMs, init } = record.begin;
      const facts = { id, begin: position, producerMs, serverMs, initCrc: crc32(init) };
      this.#fragments.set(id, { ...facts, lastMs: producerMs, frames: [] });
    } else if (record.kind === "tag") {
      if (isBackfillTag(record.tag)) this.#fragments.delete(id);
    } else if (record.kind === "frame") {
      const { track, isKey, offsetUs } = record.frame;
      const fragment = this.#fragments.get(id);
      if (fragment === undefined || fragment.frames.length >= FRAMES_MAX) return;
      const { length: bytes } = record.frame.data;
      const timecodeMs = fragment.producerMs + offsetUs / 1000;
      fragment.frames.push({ track, isKey, position, bytes, timecodeMs });
      fragment.lastMs = Math.max(fragment.lastMs, timecodeMs);
    }
  }
}

async function wakeInTurns(waiting: readonly Wake[], error: unknown): Promise<void> {
  for (const [i, wake] of waiting.entries()) {
    if (i > 0 && i % WOKEN_AT_ONCE === 0) await nextTurn();
    wake(error);
  }
}

/** Fragments of the live lane that are still coming and begin after the time, the earliest first. */
export function liveComing(store: FragmentStore, afterMs: number): OpenFragment[] {
  return store.coming
    .filter(({ isBackfill, producerMs }) => !isBackfill && producerMs > afterMs)
    .sort((a, b) => a.producerMs - b.producerMs);
}

/**
 * The data of frames of a fragment, in order; undefined where one of them is no more.
 * @throws {LogError}
 */
export async function readFrames(
  log: Log,
  mediaShard: string,
  frames: readonly TailFrame[],
): Promise<Buffer[] | undefined> {
  const wanted = new Set(frames.map(({ position }) => position));
  const found: Buffer[] = [];
  const end = (frames.at(-1)?.position ?? -1) + 1;
  for (let position = frames[0]?.position ?? end; position < end;) {
    const page = await log.read(mediaShard, position, { ...PAGE, frames: Math.min(PAGE.frames, end - position) });
    for (const stored of page.frames) {
      const record = wanted.has(stored.position) ? decodeMediaRecord(stored.data) : undefined;
      if (record?.kind === "frame") found.push(Buffer.from(record.frame.data));
    }
    if (page.next <= position) break;
    position = page.next;
  }
  return found.length === frames.length ? found : undefined;
}
