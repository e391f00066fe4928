import {
  type Appended,
  type Clock,
  type Damage,
  type Frame,
  type FramePage,
  type Log,
  LogError,
  type LogErrorCode,
  type LogStats,
  type PackedAppend,
  pageOf,
  type ReadLimits,
  type ReadResult,
  type ShardBounds,
  type StoredFrame,
} from "@headwater/log";

interface MemoryShard {
  first: number;
  next: number;
  frames: StoredFrame[];
  state: { position: number; state: Uint8Array } | undefined;
  waiting: Set<() => void>;
}

/** A log that keeps everything in memory and fails on demand: for tests of what stands on a log, not of durability. */
export class MemoryLog implements Log {
  readonly #shards = new Map<string, MemoryShard>();
  readonly #clock: Clock;
  /** While set, appends and states fail so. */
  failure: LogErrorCode | undefined;
  /** While set, appends wait for it before they resolve. */
  delay: Promise<void> | undefined;
  /** Frames appended so far. */
  appended = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Readers that wait for a shard to grow. */
  get waiting(): number {
    return [...this.#shards.values()].reduce((sum, { waiting }) => sum + waiting.size, 0);
  }

  createShards(names: readonly string[]): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.#failed());
    for (const name of names) {
      if (this.#shards.has(name)) continue;
      this.#shards.set(name, { first: 0, next: 0, frames: [], state: undefined, waiting: new Set() });
    }
    return Promise.resolve();
  }

  deleteShard(name: string): Promise<void> {
    const shard = this.#shard(name);
    this.#shards.delete(name);
    wake(shard);
    return Promise.resolve();
  }

  shards(): string[] {
    return [...this.#shards.keys()];
  }

  async append(name: string, frames: readonly Frame[]): Promise<Appended> {
    const shard = this.#shard(name);
    if (this.failure !== undefined) throw this.#failed();
    const position = shard.next;
    const arrivalMs = this.#clock.now();
    for (const { data, origin } of frames) {
      const bytes = Buffer.concat(data instanceof Uint8Array ? [data] : data);
      shard.frames.push({ position: shard.next, arrivalMs, data: bytes, ...(origin === undefined ? {} : { origin }) });
      shard.next += 1;
    }
    this.appended += frames.length;
    await this.delay;
    wake(shard);
    return { position, arrivalMs };
  }

  appendPacked(name: string, append: PackedAppend): void {
    const { count, bytes } = append;
    const frames = Array.from({ length: count }, (_, i) => ({
      data: bytes.subarray(append.startOf(i), append.endOf(i)),
    }));
    void this.append(name, frames).then(
      ({ position, arrivalMs }) => append.appended(position, arrivalMs),
      (error: unknown) => append.failed(error),
    );
  }

  async putState(name: string, state: Uint8Array): Promise<void> {
    if (this.failure !== undefined) throw this.#failed();
    const shard = this.#shard(name);
    shard.state = { position: shard.next, state: Buffer.from(state) };
  }

  async getState(name: string): Promise<{ position: number; state: Uint8Array } | undefined> {
    return this.#shard(name).state;
  }

  async read(name: string, position: number, limits: ReadLimits): Promise<ReadResult> {
    const { frames, next } = this.#shard(name);
    const from = frames.findIndex((frame) => frame.position >= position);
    const taken: StoredFrame[] = [];
    let bytes = 0;
    for (const frame of from < 0 ? [] : frames.slice(from)) {
      if (taken.length >= limits.frames || (taken.length > 0 && bytes + frame.data.length > limits.bytes)) break;
      taken.push(frame);
      bytes += frame.data.length;
    }
    return { frames: taken, next: (taken.at(-1)?.position ?? Math.max(position, next) - 1) + 1 };
  }

  async readPage(name: string, position: number, limits: ReadLimits): Promise<FramePage> {
    return pageOf(await this.read(name, position, limits));
  }

  grown(name: string, position: number, signal: AbortSignal): Promise<void> {
    const shard = this.#shard(name);
    if (shard.next > position) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        shard.waiting.delete(resolve);
        reject(new DOMException("aborted", "AbortError"));
      };
      shard.waiting.add(resolve);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  async positionAtTime(name: string, arrivalMs: number): Promise<number> {
    const { frames, next } = this.#shard(name);
    return frames.find((frame) => frame.arrivalMs >= arrivalMs)?.position ?? next;
  }

  bounds(name: string): ShardBounds {
    const { first, next, frames } = this.#shard(name);
    return {
      first,
      next,
      bytes: frames.reduce((sum, { data }) => sum + data.length, 0),
      oldestArrivalMs: frames[0]?.arrivalMs,
      lastArrivalMs: frames.at(-1)?.arrivalMs,
    };
  }

  async trimBefore(name: string, position: number): Promise<void> {
    const shard = this.#shard(name);
    shard.frames = shard.frames.filter((frame) => frame.position >= position);
    shard.first = Math.max(shard.first, Math.min(position, shard.next));
  }

  async trimOlderThan(name: string, arrivalMs: number): Promise<void> {
    await this.trimBefore(name, await this.positionAtTime(name, arrivalMs));
  }

  makeRoom(): Promise<void> {
    return Promise.resolve();
  }

  damage(): readonly Damage[] {
    return [];
  }

  stats(): LogStats {
    return {
      diskBytes: 0,
      pendingBytes: 0,
      appendedFrames: this.appended,
      appendedBytes: 0,
      syncs: 0,
      damageFound: 0,
      tornFound: 0,
      failedAppends: {},
      diskFailure: undefined,
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #shard(name: string): MemoryShard {
    const shard = this.#shards.get(name);
    if (shard === undefined) throw new LogError("no-such-shard", `no shard ${name}`);
    return shard;
  }

  #failed(): LogError {
    return new LogError(this.failure ?? "disk-failed", "as the test wishes");
  }
}

function wake(shard: MemoryShard): void {
  for (const resolve of shard.waiting) resolve();
  shard.waiting.clear();
}
