import { setImmediate } from "node:timers/promises";
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
 * and the origins of the frames since, and stored again as the shard grows, before frames are trimmed, and at the end. A
 * shard that a reshard made asks its ancestors' memories as well, as long as these are there.
 * See docs/design/producers-and-repeats.md.
 */
export class ProducerMemory {
  readonly #log: Log;
  readonly #logName: string;
  readonly #shard: ShardName;
  /** Of the shards whose keys this one took over; none once the stored sets have all that those knew. */
  #parents: readonly ProducerMemory[];
  #known: Promise<Known> | undefined;
  /** Runs under way, by request. */
  readonly #running = new Map<string, Promise<unknown>>();
  /** While sets are being stored, until their place in the log is taken. */
  #gate: Promise<void> | undefined;
  #saving: Promise<void> | undefined;
  #unsavedBytes = 0;
  #savedBytes = 0;
  /** The first position that this process wrote: from there on, what producers stored is recorded as it is stored. */
  #ownFrom = Infinity;

  /** @param parents closed shards, so that what they know does not change. */
  constructor(
    log: Log,
    { logName, number, epoch }: Pick<StoredShard, "logName" | keyof ShardName>,
    parents: readonly ProducerMemory[],
  ) {
    this.#parents = parents;
    this.#log = log;
    this.#logName = logName;
    this.#shard = { number, epoch };
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
    const known = await this.#load();
    const key = `${producer.producer}/${producer.spoolId}/${producer.request}`;
    for (;;) {
      const before = this.#gate ?? this.#running.get(key);
      if (before === undefined) break;
      await settled(before);
    }
    const run = put(accepted(known, producer)).then(({ answer, stored }) => {
      if (stored !== undefined) known.sets.record(producer, stored.entries, stored.position);
      return answer;
    });
    this.#running.set(key, run);
    try {
      return await run;
    } finally {
      this.#running.delete(key);
    }
  }

  /** Notes that the shard grew at a position, whoever wrote. True when it is time to {@link save}. */
  grew(position: number, bytes: number): boolean {
    this.#ownFrom = Math.min(this.#ownFrom, position);
    this.#unsavedBytes += bytes;
    return this.#saving === undefined && this.#unsavedBytes >= Math.max(SAVE_BYTES, this.#savedBytes / SAVE_SHARE);
  }

  /** Stores the sets beside the shard's frames; durable when it resolves. @throws {LogError} */
  save(): Promise<void> {
    this.#saving ??= this.#save("own").finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  /** Stores the sets with all that the shard's ancestors know, so that these may go. @throws {LogError} */
  async saveWhole(): Promise<void> {
    if (this.#parents.length === 0) return;
    while (this.#saving !== undefined) await settled(this.#saving);
    this.#saving = this.#save("whole").finally(() => {
      this.#saving = undefined;
    });
    await this.#saving;
    this.#parents = [];
  }

  /** Stores the sets if they would otherwise need frames before `position`. @throws {LogError} */
  async saveBeforeTrim(position: number): Promise<void> {
    const stored = await this.#log.getState(this.#logName);
    if ((stored?.position ?? 0) < position) await this.save();
  }

  /** Stores what this process learnt; nothing where it neither wrote nor was asked. @throws {LogError} */
  async close(): Promise<void> {
    if (this.#known !== undefined && this.#unsavedBytes > 0) await this.save();
  }

  async #save(what: "own" | "whole"): Promise<void> {
    const handing = this.#handOver(await this.#loadInTurn(), what);
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
  async #handOver(known: Known, what: "own" | "whole"): Promise<{ durable: Promise<void> }> {
    await Promise.all([...this.#running.values()].map(settled));
    if (what === "whole") await this.#makeWhole(known);
    const bytes = known.sets.encode();
    this.#savedBytes = bytes.length;
    this.#unsavedBytes = 0;
    return { durable: this.#log.putState(this.#logName, bytes) };
  }

  async #makeWhole(known: Known): Promise<void> {
    const whole = new ProducerSets(this.#shard, LIMITS);
    for (const sets of [...known.ancestors, known.sets]) {
      whole.inherit(sets);
      await setImmediate(); // there may be hundreds
    }
    whole.isWhole = true;
    known.sets = whole;
    known.ancestors = [];
  }

  /** Shards that grow alike store their sets at the same time, and each may have to read megabytes first. */
  async #loadInTurn(): Promise<Known> {
    if (this.#known !== undefined) return this.#known;
    const before = loadsInTurn.get(this.#log);
    const loading = (async () => {
      await before;
      return this.#load();
    })();
    loadsInTurn.set(this.#log, settled(loading));
    return loading;
  }

  /** A failed load is tried again by the next use. */
  #load(): Promise<Known> {
    this.#known ??= this.#rebuild().catch((error: unknown) => {
      this.#known = undefined;
      throw error;
    });
    return this.#known;
  }

  async #rebuild(): Promise<Known> {
    const stored = await this.#log.getState(this.#logName);
    const sets =
      stored === undefined
        ? new ProducerSets(this.#shard, LIMITS)
        : ProducerSets.decode(stored.state, this.#shard, LIMITS);
    const end = Math.min(this.#ownFrom, this.#log.bounds(this.#logName).next);
    let position = stored?.position ?? 0;
    while (position < end) {
      const { frames, next } = await this.#log.read(this.#logName, position, PAGE);
      recordFrames(sets, frames);
      if (next <= position) break;
      position = next;
    }
    if (sets.isWhole) this.#parents = [];
    const ancestors = new Set<ProducerSets>();
    for (const parent of this.#parents) {
      const known = await parent.#load(); // one after the other: each may read megabytes
      for (const one of [...known.ancestors, known.sets]) ancestors.add(one);
    }
    return { sets, ancestors: [...ancestors] };
  }
}

/** The last load of each log that waits for its turn. */
const loadsInTurn = new WeakMap<Log, Promise<void>>();

/** What a shard knows: of its own time, and what its ancestors knew when they were closed. */
interface Known {
  sets: ProducerSets;
  /** Shared with the other descendants, and not changed any more. */
  ancestors: readonly ProducerSets[];
}

/** As {@link ProducerSets.accepted}, over all that a shard knows. */
function accepted({ sets, ancestors }: Known, request: ProducerRequest): ReadonlyMap<number, StoredEntry> | undefined {
  const own = sets.accepted(request);
  if (own === undefined || ancestors.length === 0) return own;
  const all = new Map<number, StoredEntry>();
  for (const one of ancestors) {
    const part = one.accepted(request);
    if (part === undefined) return undefined;
    for (const [entry, stored] of part) all.set(entry, stored);
  }
  for (const [entry, stored] of own) all.set(entry, stored);
  return all;
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
