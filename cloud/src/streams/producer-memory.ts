import type { Log, Origin, StoredFrame } from "@headwater/log";
import type { ProducerRequest } from "@headwater/protocol";
import type { StoredShard } from "../catalog/catalog.js";
import { ProducerSets, type ProducerSetsLimits, type ShardName, type StoredEntry } from "./producer-sets.js";

const LIMITS: ProducerSetsLimits = { requestsMax: 1024, bytesMax: 4 << 20, floorsMax: 4096 };
/** How much a shard may grow before its sets are stored again; also what a first use has to read at most, or so. */
const SAVE_BYTES = 16 << 20;
/** Storing the sets may cost at most this part of what is written anyway. */
const SAVE_SHARE = 1 / 8;
const PAGE = { frames: 5000, bytes: 4 << 20 };

/** What one run of a request stored: entry `entries[i]` at `position + i`. */
export interface StoredEntries {
  readonly entries: readonly number[];
  readonly position: number;
}

/**
 * A shard's memory of its producers, kept in step with the shard's log: rebuilt at first use from the last stored sets
 * and the origins of the frames since, and stored again as the shard grows, before frames are trimmed, and at the end.
 * See docs/design/producers-and-repeats.md.
 */
export class ProducerMemory {
  readonly #log: Log;
  readonly #logName: string;
  readonly #shard: ShardName;
  #sets: Promise<ProducerSets> | undefined;
  /** Runs under way, by request. */
  readonly #running = new Map<string, Promise<unknown>>();
  /** While sets are being stored, until their place in the log is taken. */
  #gate: Promise<void> | undefined;
  #saving: Promise<void> | undefined;
  #unsavedBytes = 0;
  #savedBytes = 0;

  constructor(log: Log, { logName, number, epoch }: Pick<StoredShard, "logName" | keyof ShardName>) {
    this.#log = log;
    this.#logName = logName;
    this.#shard = { number, epoch };
  }

  /**
   * What shards begin with that take over the keys of these: the sets of all of them, as the state to store for each.
   * Undefined where there is nothing to remember. For parents that take no more puts.
   * @throws {LogError}
   */
  static async inherited(parents: readonly ProducerMemory[]): Promise<Uint8Array | undefined> {
    const sets = ProducerSets.union(await Promise.all(parents.map((parent) => parent.load())), LIMITS);
    return sets.isEmpty ? undefined : sets.encode();
  }

  /**
   * Runs `put` for a request once every earlier run of the same request has ended, and remembers what it stored.
   * @param put gets the places of the entries that earlier runs stored; undefined where the request is older than
   * all that is remembered, so that nobody can tell whether it is a repeat.
   */
  async once<T>(
    producer: ProducerRequest,
    put: (accepted: ReadonlyMap<number, StoredEntry> | undefined) => Promise<{ answer: T; stored?: StoredEntries }>,
  ): Promise<T> {
    const sets = await this.load();
    const key = `${producer.producer}/${producer.spoolId}/${producer.request}`;
    for (;;) {
      const before = this.#gate ?? this.#running.get(key);
      if (before === undefined) break;
      await settled(before);
    }
    const run = put(sets.accepted(producer)).then(({ answer, stored }) => {
      if (stored !== undefined) sets.record(producer, stored.entries, stored.position);
      return answer;
    });
    this.#running.set(key, run);
    try {
      return await run;
    } finally {
      this.#running.delete(key);
    }
  }

  /** Notes that the shard grew, whoever wrote. True when it is time to {@link save}. */
  grew(bytes: number): boolean {
    this.#unsavedBytes += bytes;
    return this.#saving === undefined && this.#unsavedBytes >= Math.max(SAVE_BYTES, this.#savedBytes / SAVE_SHARE);
  }

  /** Stores the sets beside the shard's frames; durable when it resolves. @throws {LogError} */
  save(): Promise<void> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  /** Stores the sets if they would otherwise need frames before `position`. @throws {LogError} */
  async saveBeforeTrim(position: number): Promise<void> {
    const stored = await this.#log.getState(this.#logName);
    if ((stored?.position ?? 0) < position) await this.save();
  }

  /** Stores what this process learnt; nothing where it neither wrote nor was asked. @throws {LogError} */
  async close(): Promise<void> {
    if (this.#sets !== undefined && this.#unsavedBytes > 0) await this.save();
  }

  async #save(): Promise<void> {
    const handing = this.#handOver(await this.load());
    this.#gate = settled(handing);
    let durable: Promise<void>;
    try {
      ({ durable } = await handing);
    } finally {
      this.#gate = undefined;
    }
    await durable;
  }

  /** A stored state covers every frame before it, so all that is under way has to be in the sets first. */
  async #handOver(sets: ProducerSets): Promise<{ durable: Promise<void> }> {
    await Promise.all([...this.#running.values()].map(settled));
    const bytes = sets.encode();
    this.#savedBytes = bytes.length;
    this.#unsavedBytes = 0;
    return { durable: this.#log.putState(this.#logName, bytes) };
  }

  /** Reads what is remembered, at the first use. A failed load is tried again by the next one. */
  load(): Promise<ProducerSets> {
    this.#sets ??= this.#rebuild().catch((error: unknown) => {
      this.#sets = undefined;
      throw error;
    });
    return this.#sets;
  }

  async #rebuild(): Promise<ProducerSets> {
    const stored = await this.#log.getState(this.#logName);
    const sets =
      stored === undefined
        ? new ProducerSets(this.#shard, LIMITS)
        : ProducerSets.decode(stored.state, this.#shard, LIMITS);
    const end = this.#log.bounds(this.#logName).next;
    let position = stored?.position ?? 0;
    while (position < end) {
      const { frames, next } = await this.#log.read(this.#logName, position, PAGE);
      recordFrames(sets, frames);
      if (next <= position) break;
      position = next;
    }
    return sets;
  }
}

/** Notes frames read back, one run of a request's entries at a time. */
function recordFrames(sets: ProducerSets, frames: readonly StoredFrame[]): void {
  let run: { origin: Origin; entries: number[]; position: number } | undefined;
  const record = (): void => {
    if (run !== undefined) sets.record(run.origin, run.entries, run.position);
  };
  for (const { origin, position } of frames) {
    if (run !== undefined && isSameRequest(run.origin, origin) && position === run.position + run.entries.length) {
      run.entries.push(origin.entry);
    } else {
      record();
      run = origin && { origin, entries: [origin.entry], position };
    }
  }
  record();
}

function isSameRequest(a: Origin, b: Origin | undefined): b is Origin {
  return a.request === b?.request && a.producer === b.producer && a.spoolId === b.spoolId;
}

/** Waits for the end of what others answer for. */
async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.then(
    () => undefined,
    () => undefined,
  );
}
