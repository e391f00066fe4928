import type { Appended, Damage, Frame, Log, LogOptions, LogStats, ReadLimits, ReadResult, ShardBounds } from "./api.js";
import { LogError } from "./api.js";
import { diskError } from "./files/disk-error.js";
import type { EncodedAppend } from "./format/encoded-append.js";
import { encodeRecords, encodeState } from "./format/encoded-append.js";
import type { Context } from "./journal/context.js";
import { Journal } from "./journal/journal.js";
import type { DamageLog } from "./shard/damage-log.js";
import { positionAtTime } from "./shard/position-at-time.js";
import { readShard } from "./shard/read-shard.js";
import { readState } from "./shard/read-state.js";
import { Shard } from "./shard/shard.js";
import type { ShardTable } from "./shard/shard-table.js";

const shardNameCharactersMax = 512;
/** A trim is written down at most so often, and before a segment is deleted. */
const trimWriteMs = 1000;

/** An open log. See {@link Log} for what it promises. */
export class DurableLog implements Log {
  readonly #context: Context;
  readonly #pendingBytesMax: number;
  readonly #damage: DamageLog;
  readonly #table: ShardTable;
  readonly #shards = new Map<string, Shard>();
  readonly #journals: readonly Journal[];
  /** The journal that each shard appended to last. */
  readonly #assigned = new WeakMap<Shard, Journal>();
  #nextShardNumber: number;
  #closing: Promise<void> | undefined;
  #trimTimer: NodeJS.Timeout | undefined;

  constructor(
    context: Context,
    options: LogOptions,
    damage: DamageLog,
    table: ShardTable,
    recovered: { readonly shards: readonly Shard[]; readonly nextShardNumber: number },
  ) {
    this.#context = context;
    this.#pendingBytesMax = options.pendingBytesMax ?? 64 * 1024 * 1024;
    this.#damage = damage;
    this.#table = table;
    this.#nextShardNumber = recovered.nextShardNumber;
    for (const shard of recovered.shards) this.#shards.set(shard.name, shard);
    this.#journals = Array.from({ length: options.journals ?? 4 }, () => new Journal(context, () => Promise.resolve()));
  }

  async createShards(names: readonly string[]): Promise<void> {
    this.#assertOpen();
    for (const name of names)
      if (name.length < 1 || name.length > shardNameCharactersMax)
        throw new LogError("invalid-name", `a shard's name has 1 to ${shardNameCharactersMax} characters`);
    const made = new Set(names.filter((name) => !this.#shards.has(name)));
    for (const name of made) this.#shards.set(name, new Shard(name, this.#nextShardNumber++));
    // Also where all exist: the call that made them may still be writing.
    await this.#writeTable();
  }

  async deleteShard(name: string): Promise<void> {
    this.#assertOpen();
    const shard = this.#shard(name);
    this.#shards.delete(name);
    shard.delete();
    await this.#writeTable();
    await this.#context.disk.remove(this.#context.paths.shard(shard.number));
  }

  shards(): string[] {
    return [...this.#shards.keys()];
  }

  append(name: string, frames: readonly Frame[]): Promise<Appended> {
    return this.#push(name, (shard, arrivalMs) => {
      const encoded = encodeRecords(frames, { shard: shard.number, position: shard.next, arrivalMs });
      return { encoded, stateNumber: undefined };
    });
  }

  async putState(name: string, state: Uint8Array): Promise<void> {
    await this.#push(name, (shard, arrivalMs) => {
      const stateNumber = shard.stateNumber + 1;
      const encoded = encodeState(state, stateNumber, { shard: shard.number, position: shard.next, arrivalMs });
      return { encoded, stateNumber };
    });
  }

  async #push(
    name: string,
    encode: (shard: Shard, arrivalMs: number) => { encoded: EncodedAppend; stateNumber: number | undefined },
  ): Promise<Appended> {
    this.#assertOpen();
    const { counters, clock } = this.#context;
    const shard = this.#shard(name);
    const arrivalMs = Math.max(shard.arrivalMs, Math.floor(clock.now()));
    const { encoded, stateNumber } = encode(shard, arrivalMs);
    if (counters.pendingBytes > 0 && counters.pendingBytes + encoded.bytes > this.#pendingBytesMax) {
      counters.failed("overloaded");
      throw new LogError("overloaded", `${counters.pendingBytes} bytes wait to be synced`);
    }
    const position = shard.next;
    if (encoded.frames === 0) return { position, arrivalMs };
    shard.arrivalMs = arrivalMs;
    if (stateNumber === undefined) shard.next += encoded.frames;
    else shard.stateNumber = stateNumber;
    return await new Promise<Appended>((resolve, reject) => {
      this.#journalOf(shard).push({ shard, encoded, position, arrivalMs, stateNumber, resolve, reject });
    });
  }

  /** A shard stays with its journal until that seals its file; then it goes to the one with the fewest shards. */
  #journalOf(shard: Shard): Journal {
    const current = this.#assigned.get(shard);
    if (current?.members.has(shard)) return current;
    let least = current ?? this.#journals[0]!;
    for (const journal of this.#journals) if (journal.members.size < least.members.size) least = journal;
    least.members.add(shard);
    this.#assigned.set(shard, least);
    return least;
  }

  async getState(name: string): Promise<{ position: number; state: Uint8Array } | undefined> {
    this.#assertOpen();
    try {
      return await readState(this.#shard(name), this.#context.handles, this.#damage);
    } catch (error) {
      throw diskError(error, "read state");
    }
  }

  async read(name: string, position: number, limits: ReadLimits): Promise<ReadResult> {
    this.#assertOpen();
    try {
      return await readShard(this.#shard(name), position, limits, this.#context.handles, this.#damage);
    } catch (error) {
      throw diskError(error, "read");
    }
  }

  async grown(name: string, position: number, signal: AbortSignal): Promise<void> {
    this.#assertOpen();
    await this.#shard(name).grown(position, signal);
  }

  async positionAtTime(name: string, arrivalMs: number): Promise<number> {
    this.#assertOpen();
    try {
      return await positionAtTime(this.#shard(name), arrivalMs, this.#context.handles, this.#damage);
    } catch (error) {
      throw diskError(error, "find a time");
    }
  }

  bounds(name: string): ShardBounds {
    this.#assertOpen();
    return this.#shard(name).bounds();
  }

  async trimBefore(name: string, position: number): Promise<void> {
    this.#assertOpen();
    const shard = this.#shard(name);
    const trimmed = Math.min(position, shard.committed);
    if (trimmed <= shard.trimmed) return;
    shard.trimmed = trimmed;
    this.#trimTimer ??= setTimeout(() => {
      this.#trimTimer = undefined;
      this.#writeTable().catch((error: unknown) => {
        this.#context.report({ level: "error", message: "trim not written", error: diskError(error, "trim").message });
      });
    }, trimWriteMs).unref();
  }

  async trimOlderThan(name: string, arrivalMs: number): Promise<void> {
    await this.trimBefore(name, await this.positionAtTime(name, arrivalMs));
  }

  damage(): readonly Damage[] {
    return this.#damage.latest();
  }

  stats(): LogStats {
    const { counters } = this.#context;
    return {
      diskBytes: 0,
      pendingBytes: counters.pendingBytes,
      appendedFrames: counters.appendedFrames,
      appendedBytes: counters.appendedBytes,
      syncs: counters.syncs,
      damageFound: this.#damage.damaged,
      tornFound: this.#damage.torn,
      failedAppends: { ...counters.failedAppends },
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const journal of this.#journals) await journal.close();
    if (this.#trimTimer !== undefined) {
      clearTimeout(this.#trimTimer);
      await this.#writeTable();
    }
    await this.#context.handles.closeAll();
    for (const shard of this.#shards.values()) shard.delete();
  }

  async #writeTable(): Promise<void> {
    try {
      await this.#table.write(() => ({
        nextNumber: this.#nextShardNumber,
        rows: [...this.#shards.values()].map(({ name, number, trimmed }) => ({
          name,
          number,
          trimmed,
          nextMin: trimmed,
        })),
      }));
    } catch (error) {
      throw diskError(error, "shard table");
    }
  }

  #shard(name: string): Shard {
    const shard = this.#shards.get(name);
    if (shard === undefined) throw new LogError("no-such-shard", `no shard ${name}`);
    return shard;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LogError("closed", "the log is closed");
  }
}
