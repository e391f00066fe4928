import type { Log, StoredFrame } from "@headwater/log";
import { captureOf, encodeRecord, lanes } from "@headwater/protocol";
import { CaptureClock } from "../clock/capture-clock.js";
import { forgetBefore, observe } from "../clock/clock-era.js";
import { type DeviceClock, readClocks } from "../clock/device-clock.js";
import { Condition } from "../condition.js";
import { Counts } from "../counts.js";
import type { Report } from "../report.js";
import { DeviceError, fromLogError } from "../sdk/device-error.js";
import { type Envelope, readEnvelope } from "./envelope-reader.js";
import { checkedData, type RecordInput } from "./record-input.js";
import { type Boot, decodeSpoolState, newSpoolState, type SpoolState } from "./spool-state.js";
import { StateStore } from "./state-store.js";

export interface SpoolOptions {
  readonly log: Log;
  /** The device's id. */
  readonly device: string;
  readonly clock: DeviceClock;
  readonly report: Report;
  /** Bytes that unacknowledged records may take, {@link RECORD_OVERHEAD_BYTES} for each included. */
  readonly bytesMax: number;
  /** What a put does when the spool is full: fail with `spool-full`, or give up the oldest records. */
  readonly onFull: "reject" | "drop-oldest";
}

/** Why records were given up. In flight: sent but unacknowledged, so the gateway may have them. */
export type DropCause = "spool-full" | "spool-full-in-flight";

export interface SpoolStatus {
  readonly spoolId: string;
  /** What the gateway has not acknowledged yet. */
  readonly records: number;
  readonly bytes: number;
  readonly bytesMax: number;
  /** How long ago the oldest of them reached the spool, in ms; 0 where there is none. */
  readonly oldestMs: number;
  /** Records stored since the start, and their data. */
  readonly putRecords: number;
  readonly putBytes: number;
  /** Records given up since the start. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Puts that failed since the start, by error code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Damaged places found on the disk since the start; the log keeps their bytes in its quarantine. */
  readonly damageFound: number;
  readonly clockSynchronised: boolean;
  /** What the disk said last. */
  readonly disk: "ok" | "disk-full" | "disk-failed";
}

/** What the log adds to a record's bytes, rounded up. */
export const RECORD_OVERHEAD_BYTES = 128;
/** Puts that wait for the disk may hold this much memory. */
export const WAITING_BYTES_MAX = 16 * 1024 * 1024;

const SHARD = "records";
/** A start skips up to this many sequences, and one put in so many waits for a second sync. */
const SEQUENCES_PER_RESERVATION = 2 ** 20;
/** How much of the oldest is read and given up at once. */
const DROP_BYTES = 256 * 1024;

/**
 * The device's records on their way to the gateway, durable and bounded. Every frame of the log carries its record's
 * identity (device, spool id, sequence, lane), and no sequence is given twice: the spool's state reserves them,
 * synced, before the first is used. See docs/design/clock.md for the times.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #log: Log;
  readonly #store: StateStore;
  readonly #captureClock: CaptureClock;
  readonly #boot: Boot;
  readonly #dropped = new Counts<DropCause>();
  readonly #refused = new Counts<string>();
  readonly #released = new Condition();
  #nextSequence: number;
  /** Puts are let in one after the other, so that they lie in the log in the order of the calls. */
  #admission: Promise<unknown> = Promise.resolve();
  #settled: Promise<unknown> = Promise.resolve();
  /** Memory that puts hold which have not resolved, and the part of it that the log has already taken. */
  #waitingBytes = 0;
  #appendingBytes = 0;
  #putRecords = 0;
  #putBytes = 0;
  #first: number;
  #sentTo = 0;
  #isTrimming = false;
  #disk: SpoolStatus["disk"] = "ok";

  /**
   * Opens the spool in an open log. A full disk is no reason to fail where records are stored: sending them makes room.
   * @throws {LogError} `disk-full`, `disk-failed`. {@link DeviceError} `unsupported-format`.
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { log, clock, report } = options;
    if (!log.shards().includes(SHARD)) await log.createShards([SHARD]);
    const { first, next } = log.bounds(SHARD);
    const [oldest] = await readFrames(log, first, 1);
    const [newest] = await readFrames(log, Math.max(first, next - 1), 1);
    const store = new StateStore(log, SHARD, await readState(options, newest));

    const { current } = store;
    const ordinal = current.boot.id === clock.bootId ? current.boot.ordinal : current.boot.ordinal + 1;
    const spool = new Spool(options, store, { ordinal, id: clock.bootId }, first);
    const reading = readClocks(clock);
    const synchronised = await clock.synchronised();
    try {
      await store.update((state) => ({
        ...spool.#reserved(state),
        eras: observe(oldest ? forgetBefore(state.eras, captureOf(oldest.data)) : [], ordinal, reading, synchronised),
      }));
    } catch (cause) {
      if (oldest === undefined) throw cause;
      spool.#failed(fromLogError(cause));
      report({ level: "error", message: "the spool takes no records before the disk takes its state", cause });
    }
    return spool;
  }

  private constructor(options: SpoolOptions, store: StateStore, boot: Boot, first: number) {
    this.#options = options;
    this.#log = options.log;
    this.#store = store;
    this.#boot = boot;
    this.#captureClock = new CaptureClock(options.clock, store, boot, options.report);
    this.#nextSequence = store.current.sequencesReservedTo;
    this.#first = first;
  }

  /** Follows the clock until the signal aborts. */
  watchClock(signal: AbortSignal): Promise<void> {
    return this.#captureClock.watch(signal);
  }

  /**
   * Stores a record. Resolves only after its bytes are synced, so neither a crash nor a power cut loses it.
   * @throws {DeviceError} as {@link checkedData} does, `spool-full`, `overloaded`, `disk-full`, `disk-failed`, `closed`.
   */
  async put(input: RecordInput): Promise<{ readonly sequence: number }> {
    let cost = 0;
    try {
      const data = checkedData(input);
      const record = encodeRecord({ ...input, ...this.#captureClock.capture(), data });
      if (this.#waitingBytes > WAITING_BYTES_MAX) {
        throw new DeviceError("overloaded", `${this.#waitingBytes} bytes of records are waiting for the disk`);
      }
      cost = record.length + RECORD_OVERHEAD_BYTES;
      this.#waitingBytes += cost;
      const admitted = this.#admission.then(() => this.#admit(record, cost));
      this.#admission = admitted.catch(() => undefined); // the caller hears of it; the next put is let in all the same
      this.#settled = this.#settledAfter(this.#settled, admitted);
      const { sequence, appended } = await admitted;
      await appended;
      this.#disk = "ok";
      this.#putRecords++;
      this.#putBytes += data.length;
      return { sequence };
    } catch (cause) {
      const error = fromLogError(cause);
      this.#refused.add(error instanceof DeviceError ? error.code : "bug");
      this.#failed(error);
      throw error;
    } finally {
      this.#waitingBytes -= cost;
    }
  }

  /** Where sending (again) begins: the first record that the gateway has not acknowledged. */
  get first(): number {
    return this.#first;
  }

  /** The next records from a position on, once there are some; `undefined` when the signal aborts. */
  async next(position: number, signal: AbortSignal): Promise<Envelope | undefined> {
    const skipped = (to: number): void => {
      if (position <= this.#first) this.release(to);
    };
    const envelope = await readEnvelope(this.#log, SHARD, position, this.#captureClock, skipped, signal);
    if (envelope !== undefined) this.#sentTo = Math.max(this.#sentTo, envelope.next);
    return envelope;
  }

  /** Gives up what lies before a position: the gateway has it. */
  release(position: number): void {
    if (position <= this.#first) return;
    this.#first = position;
    this.#released.notify();
    if (!this.#isTrimming) void this.#trim();
  }

  /**
   * Resolves when nothing that was put before this call is left in the spool, puts under way included.
   * @throws the reason of the signal that aborts.
   */
  async flushed(closing: AbortSignal, signal: AbortSignal = closing): Promise<void> {
    const either = AbortSignal.any([closing, signal]);
    await this.#settled;
    either.throwIfAborted();
    const { next } = this.#log.bounds(SHARD);
    while (this.#first < next) {
      either.throwIfAborted();
      await this.#released.wait(either);
    }
  }

  /** Resolves when the puts that are under way are stored or have failed. */
  async settled(): Promise<void> {
    await this.#settled;
  }

  status(): SpoolStatus {
    const { next, oldestArrivalMs } = this.#log.bounds(SHARD);
    const { bytesMax, clock } = this.#options;
    const records = next - this.#first;
    return {
      spoolId: this.#store.current.spoolId,
      records,
      bytes: this.#usedBytes(),
      bytesMax,
      oldestMs: records === 0 || oldestArrivalMs === undefined ? 0 : Math.max(0, clock.now() - oldestArrivalMs),
      putRecords: this.#putRecords,
      putBytes: this.#putBytes,
      dropped: this.#dropped.toObject(),
      refused: this.#refused.toObject(),
      damageFound: this.#log.stats().damageFound,
      clockSynchronised: this.#captureClock.synchronised,
      disk: this.#disk,
    };
  }

  #failed(error: unknown): void {
    if (!(error instanceof DeviceError)) return;
    if (error.code === "disk-full" || error.code === "disk-failed") this.#disk = error.code;
  }

  async #admit(record: Buffer, cost: number): Promise<{ readonly sequence: number; readonly appended: Promise<void> }> {
    if (this.#usedBytes() + cost > this.#options.bytesMax) await this.#makeRoom(cost);
    if (this.#nextSequence >= this.#store.current.sequencesReservedTo) {
      await this.#store.update((state) => this.#reserved(state));
    }
    const sequence = this.#nextSequence++;
    return { sequence, appended: this.#append(record, sequence, cost) };
  }

  /** Resolves when a put and all before it are stored or have failed. */
  async #settledAfter(before: Promise<unknown>, put: Promise<{ readonly appended: Promise<void> }>): Promise<void> {
    await put.then(({ appended }) => appended).catch(() => undefined); // the caller hears of it
    await before;
  }

  async #append(record: Buffer, sequence: number, cost: number): Promise<void> {
    const { spoolId } = this.#store.current;
    const origin = { producer: this.#options.device, spoolId, request: sequence, entry: lanes.recordsLive };
    this.#appendingBytes += cost;
    try {
      await this.#log.append(SHARD, [{ origin, data: record }]);
    } finally {
      this.#appendingBytes -= cost;
    }
  }

  #reserved(state: SpoolState): SpoolState {
    const sequencesReservedTo = Math.max(state.sequencesReservedTo, this.#nextSequence) + SEQUENCES_PER_RESERVATION;
    return { ...state, sequencesReservedTo, boot: this.#boot };
  }

  /** Within a half-released segment the log counts by its average record; the disk has all of that segment anyway. */
  #usedBytes(): number {
    const { first, next, bytes } = this.#log.bounds(SHARD);
    return bytes + (next - first) * RECORD_OVERHEAD_BYTES + this.#appendingBytes;
  }

  /** Gives up the oldest records until one of `cost` bytes fits, or refuses it. */
  async #makeRoom(cost: number): Promise<void> {
    const { bytesMax, onFull } = this.#options;
    while (this.#usedBytes() + cost > bytesMax) {
      const from = this.#first;
      const limits = { frames: 1024, bytes: DROP_BYTES };
      const oldest = onFull === "reject" ? undefined : await this.#log.read(SHARD, from, limits);
      if (oldest === undefined || oldest.next === from) {
        throw new DeviceError("spool-full", `the spool holds ${this.#usedBytes()} of ${bytesMax} bytes`);
      }
      await this.#log.trimBefore(SHARD, oldest.next);
      for (const { position } of oldest.frames) {
        if (position < this.#first) continue; // acknowledged meanwhile
        this.#dropped.add(position < this.#sentTo ? "spool-full-in-flight" : "spool-full");
      }
      this.release(oldest.next);
    }
  }

  /** Lets the log forget what was released; a restart that comes before it sends some again, as the gateway notices. */
  async #trim(): Promise<void> {
    this.#isTrimming = true;
    try {
      for (let trimmed = -1; trimmed < this.#first;) {
        trimmed = this.#first;
        await this.#log.trimBefore(SHARD, trimmed);
      }
    } catch (cause) {
      this.#options.report({ level: "warn", message: "the spool could not forget what was acknowledged", cause });
    } finally {
      this.#isTrimming = false;
    }
  }
}

async function readFrames(log: Log, position: number, frames: number): Promise<readonly StoredFrame[]> {
  return (await log.read(SHARD, position, { frames, bytes: 1 })).frames;
}

async function readState({ log, report }: SpoolOptions, newest: StoredFrame | undefined): Promise<SpoolState> {
  const stored = await log.getState(SHARD);
  const state = stored && decodeSpoolState(stored.state);
  // With frames damaged, the state may be an older one. It could give sequences again, and the gateway would take new
  // records for repeats. So a new identity begins; records that are stored keep theirs.
  if (state !== undefined && !log.damage().some(({ kind }) => kind === "damaged")) return state;
  if (stored !== undefined || newest !== undefined) {
    report({ level: "error", message: "the spool was damaged and begins a new identity" });
  }
  const boots = Math.max(state?.boot.ordinal ?? 0, newest === undefined ? 0 : captureOf(newest.data).boot);
  return { ...newSpoolState(boots), eras: state?.eras ?? [] };
}
