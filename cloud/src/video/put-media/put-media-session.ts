import { setImmediate as nextTurn } from "node:timers/promises";
import { type MatroskaEvent, MatroskaReader, putMediaMatroskaLimits } from "@headwater/protocol/matroska";
import { BACKFILL_TAG } from "../store/fragment.js";
import { fragmentNumber } from "../store/fragment-number.js";
import type { FragmentStore } from "../store/fragment-store.js";
import type { MediaAppender } from "../store/media-appender.js";
import type { OpenFragment } from "../store/open-fragment.js";
import type { VideoTraffic } from "../video-traffic.js";
import type { AcknowledgedFragment, Acknowledgement } from "./acknowledgement.js";
import type { ArrivingBytes } from "./arriving-bytes.js";
import { type CutStep, FragmentCutter } from "./fragment-cutter.js";
import { PutMediaFault, toPutMediaFault } from "./put-media-fault.js";

/** Bytes of one connection that may wait for the disk before it is read from no further. */
const PENDING_BYTES_MAX = 4 << 20;
/** Complete fragments of one connection that may be on their way to the index before it is read from no further. */
const PERSISTING_MAX = 64;
/** The last millisecond of the year 9999: clients of AWS read no later time, and one such fragment would spoil a whole list. */
const PRODUCER_MS_MAX = 253_402_300_799_999;
/** More than the largest element that is read, in which nothing was found: what is skipped may be endless. */
const FRUITLESS_BYTES_MAX = 64 << 20;
/** Found in one turn of the event loop: a chunk may hold tens of thousands of frames, and others are to get their turn. */
const EVENTS_AT_ONCE = 1024;

export interface PutMediaSessionOptions {
  readonly store: FragmentStore;
  /** The stream's digits in fragment numbers. */
  readonly numberPrefix: string;
  /** Added to every timecode. */
  readonly timeBaseMs: number;
  /** Every fragment is marked so. */
  readonly isBackfill: boolean;
  readonly traffic: VideoTraffic;
  readonly arriving: ArrivingBytes;
  readonly acknowledge: (ack: Acknowledgement) => void;
  /** Called at most once, when the session cannot go on; what it heard of is acknowledged as an error by then. */
  readonly onFault: (fault: PutMediaFault) => void;
}

interface Current {
  readonly open: OpenFragment;
  readonly timecodeMs: number;
}

/** One PutMedia call without its HTTP: bytes in, fragments into the store, acknowledgements out. */
export class PutMediaSession {
  readonly #options: PutMediaSessionOptions;
  readonly #reader = new MatroskaReader(putMediaMatroskaLimits);
  readonly #cutter = new FragmentCutter();
  readonly #appender: MediaAppender;
  /** The fragment that is coming. */
  #current: Current | undefined;
  /** Complete, and on their way to the disk. */
  readonly #persisting = new Map<Current, Promise<void>>();
  /** Since the chunk in which the reader last found something. */
  #fruitlessBytes = 0;
  #isOver = false;
  /** Of the chunk that was taken last, in which there was more than one turn's work. */
  #taking: Promise<void> | undefined;
  /** Aborts when the session is over and nothing of it is on its way to the index. */
  readonly #needless = new AbortController();
  /** Resolves when what went wrong has been acknowledged. */
  #failing: Promise<void> | undefined;

  constructor(options: PutMediaSessionOptions) {
    this.#options = options;
    this.#appender = options.store.appender(this.#needless.signal, (error) => this.#fail(error));
  }

  /** Takes the next bytes. Answers a promise where the next ones must wait, for the disk or for others. Never throws. */
  take(chunk: Buffer): Promise<void> | undefined {
    if (this.#isOver) return undefined;
    this.#options.traffic.received(chunk.length);
    try {
      this.#hold(this.#fruitlessBytes + chunk.length);
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
    const events = this.#reader.push(chunk);
    if (this.#takeSome(events)) return this.#room();
    this.#taking = this.#takeRest(events);
    return this.#taking;
  }

  /** The producer has sent all. Resolves once every fragment is acknowledged, or the session has failed. Never throws. */
  async end(): Promise<void> {
    await this.#taking;
    try {
      if (this.#isOver) return await this.#failing;
      for (const event of this.#reader.end()) for (const step of this.#cutter.take(event)) this.#do(step);
      for (const step of this.#cutter.end()) this.#do(step);
    } catch (error) {
      this.#fail(error);
    }
    await this.#settled();
    await this.#failing;
    this.#close();
  }

  /** The connection broke: what is not complete is given up, what is complete still becomes visible. */
  abort(): void {
    if (this.#isOver) return;
    this.#close();
    this.#abandonCurrent();
  }

  /** Ends the session with an error of its own. */
  fail(fault: PutMediaFault): void {
    this.#fail(fault);
  }

  /** Takes what is found in a turn of the event loop. Answers whether that was all. */
  #takeSome(events: Iterator<MatroskaEvent, void, void>): boolean {
    try {
      for (let i = 0; i < EVENTS_AT_ONCE; i++) {
        const { done, value: event } = events.next();
        if (done) return true;
        this.#hold(0);
        for (const step of this.#cutter.take(event)) this.#do(step);
      }
    } catch (error) {
      this.#fail(error);
    }
    return this.#isOver;
  }

  async #takeRest(events: Iterator<MatroskaEvent, void, void>): Promise<void> {
    do {
      await nextTurn();
      await this.#room();
    } while (!this.#isOver && !this.#takeSome(events));
    await this.#room();
  }

  /** Answers a promise where too much waits for the disk. */
  #room(): Promise<void> | undefined {
    if (this.#appender.pendingBytes > PENDING_BYTES_MAX) return this.#appender.below(PENDING_BYTES_MAX / 2);
    return this.#persisting.size > PERSISTING_MAX ? this.#settled() : undefined;
  }

  #do(step: CutStep): void {
    switch (step.kind) {
      case "begin":
        this.#begin(step.timecodeMs, step.init);
        return;
      case "frame":
        this.#current?.open.addFrame(step.frame);
        return;
      case "tag":
        this.#current?.open.addTag(step.tag);
        return;
      case "end":
        this.#end(step.durationMs);
        return;
      case "undecodable":
        this.#options.traffic.undecodable();
    }
  }

  #begin(timecodeMs: number, init: Buffer): void {
    const { store, timeBaseMs, isBackfill, acknowledge } = this.#options;
    const producerMs = Math.round(timeBaseMs + timecodeMs);
    if (producerMs > PRODUCER_MS_MAX)
      throw new PutMediaFault("INVALID_PRODUCER_TIMESTAMP", `producer time ${producerMs} ms`);
    const start = { producerMs, serverMs: store.now(), init };
    const open = store.begin(this.#appender, start, () => {
      if (this.#isOver && !this.#persisting.has(current)) return;
      acknowledge({ event: "BUFFERING", fragment: this.#acknowledged(current) });
    });
    const current: Current = { open, timecodeMs };
    // Ahead of its frames: nobody takes those for live.
    if (isBackfill) open.addTag(BACKFILL_TAG);
    this.#current = current;
  }

  #end(durationMs: number): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    this.#persisting.set(current, this.#persist(current, durationMs));
  }

  async #persist(current: Current, durationMs: number): Promise<void> {
    const { store, traffic, acknowledge } = this.#options;
    try {
      const complete = await current.open.end(durationMs);
      if (complete === undefined) {
        traffic.incomplete(); // the appender has failed, and has been heard
        return;
      }
      acknowledge({ event: "RECEIVED", fragment: this.#acknowledged(current) });
      const { fragment, isRepeat } = await store.publish(current.open, complete);
      traffic.persisted(isRepeat);
      const number = fragmentNumber(this.#options.numberPrefix, fragment.begin);
      acknowledge({ event: "PERSISTED", fragment: { timecodeMs: current.timecodeMs, number } });
    } catch (error) {
      traffic.incomplete();
      this.#fail(error, current);
    } finally {
      store.abandon(current.open);
      this.#persisting.delete(current);
      this.#giveUpRest();
    }
  }

  /** @param failed the fragment that failed; else the one on its way to the disk, or the one that is coming. */
  #fail(error: unknown, failed?: Current): void {
    if (this.#isOver) return;
    this.#close();
    const fault = toPutMediaFault(error);
    const [first] = this.#persisting.keys();
    const about = failed ?? (fault.code === "ARCHIVAL_ERROR" ? first : undefined) ?? this.#current;
    const fragment = about === undefined ? this.#undecided() : this.#acknowledged(about);
    this.#abandonCurrent();
    this.#failing = this.#sayError(fault, fragment);
  }

  /** What is complete is acknowledged first: a producer that hears of a later fragment's error never asks for it again. */
  async #sayError(fault: PutMediaFault, fragment: AcknowledgedFragment | undefined): Promise<void> {
    await this.#settled();
    this.#options.acknowledge({ event: "ERROR", fragment, code: fault.code });
    this.#options.onFault(fault);
  }

  /** Resolves when every complete fragment is persisted, or is not going to be. */
  async #settled(): Promise<void> {
    await Promise.all(this.#persisting.values());
  }

  #close(): void {
    this.#isOver = true;
    this.#options.arriving.change(this.#fruitlessBytes, 0);
    this.#fruitlessBytes = 0;
    this.#giveUpRest();
  }

  /** What is no part of a complete fragment waits for no disk. */
  #giveUpRest(): void {
    if (this.#isOver && this.#persisting.size === 0) this.#needless.abort();
  }

  /** @throws {PutMediaFault} where that is too much, for one call or for all together. */
  #hold(bytes: number): void {
    const hasRoom = this.#options.arriving.change(this.#fruitlessBytes, bytes);
    this.#fruitlessBytes = bytes;
    if (bytes > FRUITLESS_BYTES_MAX) throw new PutMediaFault("INVALID_MKV_DATA", `${bytes} bytes without a frame`);
    if (!hasRoom) throw new PutMediaFault("STREAM_READ_ERROR", "too many large frames are arriving at the same time");
  }

  #abandonCurrent(): void {
    if (this.#current === undefined) return;
    this.#options.store.abandon(this.#current.open);
    this.#options.traffic.incomplete();
    this.#current = undefined;
  }

  #undecided(): AcknowledgedFragment | undefined {
    const { timecodeMs } = this.#cutter;
    return timecodeMs === undefined ? undefined : { timecodeMs, number: undefined };
  }

  #acknowledged({ open, timecodeMs }: Current): AcknowledgedFragment {
    const { begin } = open;
    const number = begin === undefined ? undefined : fragmentNumber(this.#options.numberPrefix, begin);
    return { timecodeMs, number };
  }
}
