import type { Frame, Log } from "@headwater/log";

/** Frames that are appended together, and what happens then. Both callbacks run synchronously and must not throw. */
export interface Group {
  readonly frames: readonly Frame[];
  /** Payload bytes of the frames. */
  readonly bytes: number;
  /** @param position of the first frame; the position after the last committed one where there is no frame. */
  readonly committed: (position: number) => void;
  readonly failed: (error: unknown) => void;
}

/** Of one append; the log's own bound on bytes that wait for a sync is many times that. */
const APPEND_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Appends to one shard of the log, one call at a time; what arrives meanwhile goes with the next. Where a call fails,
 * everything that waits behind it fails in the same turn, before anything new can be queued: nothing overtakes what
 * failed.
 */
export class SerialAppender {
  readonly #log: Log;
  readonly #shard: string;
  #queue: Group[] = [];
  #states: { readonly take: () => Uint8Array; readonly done: (error?: unknown) => void }[] = [];
  #isRunning = false;

  constructor(log: Log, shard: string) {
    this.#log = log;
    this.#shard = shard;
  }

  /** Queues frames; a group without frames settles with what was queued before it. */
  add(group: Group): void {
    this.#queue.push(group);
    this.#start();
  }

  /** Appends frames and waits for the sync. */
  append(frames: readonly Frame[], bytes: number, committed: (position: number) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.add({
        frames,
        bytes,
        committed: (position) => {
          committed(position);
          resolve();
        },
        failed: reject,
      });
    });
  }

  /**
   * Stores the shard's state, between two appends, so that it covers exactly what `committed` was called for.
   * @param take makes the state; called when its turn comes.
   */
  putState(take: () => Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#states.push({ take, done: (error) => (error === undefined ? resolve() : reject(error)) });
      this.#start();
    });
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const state = this.#states.shift();
      if (state !== undefined) {
        await this.#log.putState(this.#shard, state.take()).then(
          () => state.done(),
          (error: unknown) => state.done(error),
        );
        continue;
      }
      const groups = this.#takeGroups();
      if (groups.length === 0) break;
      await this.#append(groups);
    }
    this.#isRunning = false;
  }

  #takeGroups(): Group[] {
    let bytes = 0;
    let count = 0;
    for (const group of this.#queue) {
      bytes += group.bytes;
      if (count > 0 && bytes > APPEND_BYTES_MAX) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #append(groups: readonly Group[]): Promise<void> {
    const frames = groups.flatMap((group) => group.frames);
    let position: number;
    try {
      position =
        frames.length === 0
          ? this.#log.bounds(this.#shard).next
          : (await this.#log.append(this.#shard, frames)).position;
    } catch (error) {
      for (const group of [...groups, ...this.#queue.splice(0)]) group.failed(error);
      return;
    }
    for (const group of groups) {
      group.committed(position);
      position += group.frames.length;
    }
  }
}
