import type {
  Appended,
  Damage,
  Frame,
  FramePage,
  Log,
  LogOptions,
  LogStats,
  PackedAppend,
  ReadLimits,
  ReadMemory,
  ReadResult,
  ShardBounds,
} from "./api.js";
import { LogError } from "./api.js";
import { diskError } from "./files/disk-error.js";
import { encodePacked } from "./format/encode-packed.js";
import type { EncodedAppend } from "./format/encoded-append.js";
import { encodeRecords, encodeState } from "./format/encoded-append.js";
import type { Context } from "./journal/context.js";
import { Journal, type Outcome } from "./journal/journal.js";
import type { SealedJournal } from "./settle/sealed-journal.js";
import { Settler } from "./settle/settler.js";
import { Trims } from "./settle/trims.js";
import type { DamageLog } from "./shard/damage-log.js";
import { positionAtTime } from "./shard/position-at-time.js";
import { framesOf } from "./shard/frame-piece.js";
import { freshMemory, type ReadContext, readShard } from "./shard/read-shard.js";
import { readState } from "./shard/read-state.js";
import { Shard } from "./shard/shard.js";
import type { ShardTable } from "./shard/shard-table.js";
import { unhurried } from "./unhurried.js";

const shardNameCharactersMax = 512;
/** A journal where more waits has enough to do: nobody is sent to share it. */
const sharedPendingBytesMax = 64 * 1024;

interface ToAppend {
  readonly encoded: EncodedAppend;
  readonly stateNumber: number | undefined;
  /** Of the first record; what a state covers ends before it. */
  readonly position: number;
}

type Encode = (shard: Shard, arrivalMs: number) => ToAppend;

interface Creation {
  readonly shard: Shard;
  callers: number;
}

/** An open log. See {@link Log} for what it promises. */
export class DurableLog implements Log {
  readonly #context: Context;
  readonly #pendingBytesMax: number;
  readonly #sharedAppendBytesMax: number;
  readonly #damage: DamageLog;
  readonly #table: ShardTable;
  readonly #shards = new Map<string, Shard>();
  /** By name: not there before the table says so. */
  readonly #creating = new Map<string, Creation>();
  /** By name: a shard of that name can be made again once this has resolved. */
  readonly #deleting = new Map<string, Promise<void>>();
  readonly #journals: readonly Journal[];
  #nextShardNumber: number;
  readonly #settler: Settler;
  readonly #trims: Trims;
  #settlingLeft: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    context: Context,
    options: LogOptions,
    damage: DamageLog,
    table: ShardTable,
    recovered: { readonly shards: readonly Shard[]; readonly nextShardNumber: number },
  ) {
    this.#context = context;
    this.#pendingBytesMax = options.pendingBytesMax ?? 64 * 1024 * 1024;
    this.#sharedAppendBytesMax = options.sharedAppendBytesMax ?? 0;
    this.#damage = damage;
    this.#table = table;
    this.#nextShardNumber = recovered.nextShardNumber;
    for (const shard of recovered.shards) this.#shards.set(shard.name, shard);
    this.#settler = new Settler(context, () => this.#writeTable());
    this.#trims = new Trims(context, this.#settler, damage, (shard, { state, position }) =>
      this.#putState(shard.name, state, position),
    );
    const settle = (journal: SealedJournal) => this.#settler.add(journal);
    this.#journals = Array.from({ length: options.journals ?? 4 }, () => new Journal(context, settle));
  }

  /** Takes over the journals that an earlier process left: they serve until they are settled, beside what is appended. */
  settleLeft(journals: readonly SealedJournal[], afterMs: number): void {
    this.#settler.adopt(journals);
    const settle = () => void this.#settler.settle().then(() => this.#trims.addLeft(this.#shards.values()));
    if (afterMs > 0) this.#settlingLeft = setTimeout(settle, afterMs).unref();
    else settle();
  }

  async createShards(names: readonly string[]): Promise<void> {
    this.#assertOpen();
    for (const name of names)
      if (name.length < 1 || name.length > shardNameCharactersMax)
        throw new LogError("invalid-name", `a shard's name has 1 to ${shardNameCharactersMax} characters`);
    for (const name of names) {
      await this.#deleting.get(name);
      if (this.#shards.get(name)?.isLeaving) await this.deleteShard(name);
    }
    const creations: Creation[] = [];
    try {
      for await (const name of unhurried(names)) if (!this.#shards.has(name)) creations.push(this.#creation(name));
      if (creations.length === 0) return;
      this.#assertOpen();
      await this.#writeTable();
      for (const { shard } of creations) this.#shards.set(shard.name, shard);
    } finally {
      for (const creation of creations) if (--creation.callers === 0) this.#creating.delete(creation.shard.name);
    }
  }

  /** The shard that is being made under a name: whoever makes it first, it is in every table until none waits for it. */
  #creation(name: string): Creation {
    let creation = this.#creating.get(name);
    if (creation === undefined) {
      creation = { shard: new Shard(name, this.#nextShardNumber++), callers: 0 };
      this.#creating.set(name, creation);
    }
    creation.callers++;
    return creation;
  }

  async deleteShard(name: string): Promise<void> {
    this.#assertOpen();
    const shard = this.#shards.get(name);
    if (shard === undefined || this.#deleting.has(name)) throw new LogError("no-such-shard", `no shard ${name}`);
    const deletion = this.#deleteShard(shard).finally(() => this.#deleting.delete(name));
    this.#deleting.set(
      name,
      deletion.catch(() => undefined), // heard by the caller
    );
    await deletion;
  }

  async #deleteShard(shard: Shard): Promise<void> {
    // Also if this fails: a copy of the table may say that it is gone. The call can be repeated.
    shard.isLeaving = true;
    await this.#writeTable();
    this.#shards.delete(shard.name);
    shard.delete();
    for (const journal of this.#journals) journal.members.delete(shard);
    try {
      await this.#settler.deleteAll(shard);
    } catch (error) {
      // The shard is gone all the same; the next start deletes what is left of it.
      const cause = diskError(error, "delete shard").message;
      this.#context.report({
        level: "warn",
        message: "a deleted shard's files remain",
        shard: shard.name,
        error: cause,
      });
    }
  }

  shards(): string[] {
    return [...this.#shards.values()].filter(({ isLeaving }) => !isLeaving).map(({ name }) => name);
  }

  append(name: string, frames: readonly Frame[]): Promise<Appended> {
    return this.#pushed(name, (shard, arrivalMs) => {
      const encoded = encodeRecords(
        frames,
        { shard: shard.number, position: shard.next, arrivalMs },
        (bytes) => this.#journalOf(shard, bytes).memory,
      );
      return { encoded, stateNumber: undefined, position: shard.next };
    });
  }

  appendPacked(name: string, append: PackedAppend): void {
    try {
      this.#push(name, append, (shard, arrivalMs) => {
        const position = shard.next;
        const encoded = encodePacked(
          append,
          { shard: shard.number, position, arrivalMs },
          (bytes) => this.#journalOf(shard, bytes).memory,
        );
        return { encoded, stateNumber: undefined, position };
      });
    } catch (error) {
      append.failed(error);
    }
  }

  putState(name: string, state: Uint8Array): Promise<void> {
    return this.#putState(name, state);
  }

  /** @param covers the position that the state covers the shard up to; by default all that was appended before. */
  async #putState(name: string, state: Uint8Array, covers?: number): Promise<void> {
    this.#assertOpen();
    const shard = this.#shard(name);
    shard.statesPending++;
    try {
      await this.#pushed(name, (_, arrivalMs) => {
        const stateNumber = shard.stateNumber + 1;
        const position = covers ?? shard.next;
        const encoded = encodeState(state, stateNumber, { shard: shard.number, position, arrivalMs });
        return { encoded, stateNumber, position };
      });
    } finally {
      shard.statesPending--;
    }
  }

  /** Not an async function: what is thrown rejects the one promise that there is. */
  #pushed(name: string, encode: Encode): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#push(name, { appended: (position, arrivalMs) => resolve({ position, arrivalMs }), failed: reject }, encode);
    });
  }

  #push(name: string, outcome: Outcome, encode: Encode): void {
    this.#assertOpen();
    const { counters, clock } = this.#context;
    const shard = this.#shard(name);
    const arrivalMs = Math.max(shard.arrivalMs, Math.floor(clock.now()));
    const { encoded, stateNumber, position } = encode(shard, arrivalMs);
    if (counters.pendingBytes > 0 && counters.pendingBytes + encoded.bytes > this.#pendingBytesMax) {
      counters.failed("overloaded");
      encoded.block.release();
      throw new LogError("overloaded", `${counters.pendingBytes} bytes wait to be synced`);
    }
    if (encoded.frames === 0) {
      encoded.block.release();
      outcome.appended(position, arrivalMs);
      return;
    }
    shard.arrivalMs = arrivalMs;
    if (stateNumber === undefined) shard.next += encoded.frames;
    else shard.stateNumber = stateNumber;
    this.#journalOf(shard, encoded.bytes).push({ shard, encoded, position, arrivalMs, stateNumber, outcome });
  }

  /** A shard stays with its journal until that seals its file; then it may go to another one. */
  #journalOf(shard: Shard, bytes: number): Journal {
    const current = shard.journal;
    if (current?.members.has(shard)) return current;
    const next = this.#shared(bytes) ?? this.#leastUsed(current);
    next.members.add(shard);
    shard.journal = next;
    return next;
  }

  /** Where small appends go together, for one sync to serve many; undefined for a large one, or where much waits there. */
  #shared(bytes: number): Journal | undefined {
    const first = this.#journals[0]!;
    return bytes < this.#sharedAppendBytesMax && first.pendingBytes < sharedPendingBytesMax ? first : undefined;
  }

  /** The journal with the fewest shards: the given one, where that is as good as any. */
  #leastUsed(current: Journal | undefined): Journal {
    let least = current ?? this.#journals[0]!;
    for (const journal of this.#journals) if (journal.members.size < least.members.size) least = journal;
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
    const page = await this.readPage(name, position, limits);
    return { frames: framesOf(page), next: page.next };
  }

  async readPage(
    name: string,
    position: number,
    limits: ReadLimits,
    memory: ReadMemory = freshMemory,
  ): Promise<FramePage> {
    this.#assertOpen();
    try {
      return await readShard(this.#shard(name), position, limits, this.#readContext(memory));
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
      return await positionAtTime(this.#shard(name), arrivalMs, this.#readContext(freshMemory));
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
    this.#trims.add(shard);
  }

  async trimOlderThan(name: string, arrivalMs: number): Promise<void> {
    await this.trimBefore(name, await this.positionAtTime(name, arrivalMs));
  }

  async makeRoom(): Promise<void> {
    await this.#context.spares.giveUp();
  }

  damage(): readonly Damage[] {
    return this.#damage.latest();
  }

  stats(): LogStats {
    const { counters } = this.#context;
    return {
      diskBytes: this.#diskBytes(),
      pendingBytes: counters.pendingBytes,
      appendedFrames: counters.appendedFrames,
      appendedBytes: counters.appendedBytes,
      syncs: counters.syncs,
      damageFound: this.#damage.damaged,
      tornFound: this.#damage.torn,
      failedAppends: { ...counters.failedAppends },
      diskFailure: counters.diskFailure,
    };
  }

  #diskBytes(): number {
    let bytes = this.#context.counters.segmentBytes + this.#context.spares.bytes;
    for (const journal of this.#journals) bytes += journal.diskBytes;
    for (const { file } of this.#context.sealed) bytes += file.bytes;
    return bytes;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#settlingLeft);
    const trimsClosed = this.#trims.close();
    for (const journal of this.#journals) await journal.close();
    await this.#settler.close();
    await trimsClosed;
    for (const shard of this.#shards.values()) shard.delete();
    try {
      await this.#writeTable();
    } catch (error) {
      // Costs the trims of the last seconds, and nothing that was acknowledged.
      this.#context.report({ level: "warn", message: "trims not written", error: diskError(error, "close").message });
    }
    await this.#context.handles.closeAll();
  }

  async #writeTable(): Promise<void> {
    try {
      await this.#table.write(() => ({
        nextNumber: this.#nextShardNumber,
        rows: this.#lasting().map(({ name, number, trimmed, committed }) => ({
          name,
          number,
          trimmed,
          nextMin: committed,
        })),
      }));
    } catch (error) {
      const failure = diskError(error, "shard table");
      if (failure.code === "disk-full") await this.#context.spares.giveUp();
      throw failure;
    }
  }

  /** The shards that are there or about to be. */
  #lasting(): Shard[] {
    const there = [...this.#shards.values()].filter(({ isLeaving }) => !isLeaving);
    const coming = [...this.#creating.values()].map(({ shard }) => shard).filter(({ name }) => !this.#shards.has(name));
    return [...there, ...coming];
  }

  #shard(name: string): Shard {
    const shard = this.#shards.get(name);
    if (shard === undefined || shard.isLeaving) throw new LogError("no-such-shard", `no shard ${name}`);
    return shard;
  }

  #readContext(memory: ReadMemory): ReadContext {
    return { handles: this.#context.handles, damage: this.#damage, memory };
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LogError("closed", "the log is closed");
  }
}
