import { VIDEO_LANE_BACKFILL, VIDEO_LANE_TAG } from "@headwater/protocol";
import type { MatroskaTag, WrittenTrack } from "@headwater/protocol/matroska";
import type { GatewayMetrics } from "../metrics.js";
import { type Ack, matroskaBody, type MediaPart, PutMediaError, reactionTo } from "../put-media/index.js";
import type { FragmentOutcome } from "./fragment-note.js";
import type { FragmentQueue, QueuedFragment } from "./fragment-queue.js";
import type { FragmentReader, ReadPiece } from "./fragment-reader.js";
import { FrameAssembler } from "./frame-assembler.js";
import type { LaneGate } from "./lane-gate.js";
import { ErrorAnswer, NotTaken, suspectsOf, Unplayable } from "./put-failure.js";
import type { VideoLane, VideoUpstream } from "./video-upstream.js";

export interface PutSessionOptions {
  readonly stream: string;
  readonly lane: VideoLane;
  /** Nothing follows the first fragment: where the call before broke within several, to learn which is to blame. */
  readonly isAlone: boolean;
  readonly queue: FragmentQueue;
  readonly reader: FragmentReader;
  readonly gate: LaneGate;
  readonly upstream: VideoUpstream;
  /** The lane's next fragment, if there is one now. */
  readonly next: () => QueuedFragment | undefined;
  /** Notes what became of a fragment; durable when it resolves. */
  readonly settle: (fragment: QueuedFragment, outcome: FragmentOutcome) => Promise<void>;
  /** Puts a fragment aside for good. */
  readonly refuse: (fragment: QueuedFragment, error: string) => Promise<void>;
  /** The upstream answers. */
  readonly onAnswer: () => void;
  readonly metrics: GatewayMetrics;
  readonly clock: { now(): number };
}

/**
 * On fragments that are sent late. One that went out live before has none there; Headwater's cloud knows it again all the
 * same, and what it was first is what it stays.
 */
const BACKFILL_TAG: MatroskaTag = { name: VIDEO_LANE_TAG, value: VIDEO_LANE_BACKFILL };
const WRITING_APP = "Headwater gateway";
/** A call that nothing was sent in for so long is ended; the next fragment gets another. */
const IDLE_MS = 10_000;
/** A complete fragment that is not PERSISTED for so long is sent again. */
const PERSISTED_WITHIN_MS = 30_000;
/** A connection that takes nothing for so long, or does not end, is broken. */
const TAKEN_WITHIN_MS = 15_000;
const WATCH_EVERY_MS = 250;
/** More than that between the last frame of a fragment and the next is a step of the producer's clock, or a gap. */
const STEP_MS = 1_000;

interface Sent {
  readonly fragment: QueuedFragment;
  /** When its last byte was handed over. */
  completeMs: number | undefined;
}

/** A fragment whose first piece is read. */
interface Opened {
  readonly fragment: QueuedFragment;
  readonly pieces: AsyncGenerator<ReadPiece, void, void>;
  readonly first: ReadPiece;
  readonly tracks: readonly WrittenTrack[];
}

/**
 * One PutMedia call of one lane: fragments of one init that follow each other in time, each piece written as soon as it is
 * committed, until there is none for a while, or one that needs a call of its own.
 */
export class PutSession {
  readonly #options: PutSessionOptions;
  readonly #stop = new AbortController();
  /** Begun and not settled, in order. */
  #sent: Sent[] = [];
  #suspects: readonly QueuedFragment[] = [];
  /** Since when the connection has not asked for more, or not ended. */
  #handedMs: number | undefined;
  /** Where the fragment before ended, in producer time. */
  #endMs = 0;

  constructor(options: PutSessionOptions) {
    this.#options = options;
  }

  /** After a failure: one of these made it, or nobody knows. */
  get suspects(): readonly QueuedFragment[] {
    return this.#suspects;
  }

  /**
   * Sends the fragment and what follows it. What was sent and is not PERSISTED when this ends is given back to the queue.
   * @throws {PutMediaError} {@link ErrorAnswer}, FragmentStalled, LogError, or the signal's reason.
   */
  async run(fragment: QueuedFragment, signal: AbortSignal): Promise<void> {
    const { stream, upstream, metrics, lane, gate, queue } = this.#options;
    const onAbort = (): void => this.#stop.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const watch = setInterval(() => this.#watch(), WATCH_EVERY_MS);
    try {
      const opened = await this.#open(fragment);
      if (opened === undefined) return;
      metrics.videoSessions.inc({ lane });
      this.#begin(opened);
      const call = { stream, lane, tracks: opened.tracks };
      const body = this.#body(opened);
      for await (const ack of upstream.putMedia(call, body, this.#stop.signal)) await this.#take(ack);
      if (this.#sent.length > 0) throw new PutMediaError("interrupted", "the answer ended without PERSISTED");
    } catch (error) {
      this.#suspects = suspectsOf(
        error,
        this.#sent.map(({ fragment: unsettled }) => unsettled),
      );
      if (!(error instanceof Unplayable)) throw error;
      await this.#refuse(error.fragment, error.message);
    } finally {
      clearInterval(watch);
      signal.removeEventListener("abort", onAbort);
      this.#stop.abort(new Error("the PutMedia call is over"));
      if (lane === "live") gate.setLiveBusy(false);
      for (const { fragment: unsettled } of this.#sent.splice(0)) queue.giveBack(unsettled);
    }
  }

  /** Reads the first piece; a fragment of which the disk lost that is settled. */
  async #open(fragment: QueuedFragment): Promise<Opened | undefined> {
    const pieces = this.#options.reader.read(fragment, this.#stop.signal);
    const first = await pieces.next();
    const tracks = first.done ? undefined : first.value.piece.tracks;
    if (first.done || tracks === undefined) {
      this.#options.metrics.videoPiecesStray.inc(fragment.pieces);
      await this.#options.settle(fragment, "empty");
      return undefined;
    }
    return { fragment, pieces, first: first.value, tracks };
  }

  /** @throws the reason why the call is over: a fragment that is begun after that would never be given back. */
  #begin({ fragment }: Opened): void {
    const { queue, metrics, lane } = this.#options;
    this.#stop.signal.throwIfAborted();
    queue.begin(fragment);
    if (fragment.attempts > 1) metrics.videoFragmentsResent.inc({ lane });
    this.#sent.push({ fragment, completeMs: undefined });
  }

  async *#body(opened: Opened): AsyncGenerator<Uint8Array, void, void> {
    const { gate, lane, clock } = this.#options;
    for await (const chunk of matroskaBody({ tracks: opened.tracks, writingApp: WRITING_APP }, this.#parts(opened))) {
      // The call may have ended while a piece was read: bytes that wait for no network must not hold backfill up.
      this.#stop.signal.throwIfAborted();
      if (lane === "backfill") await gate.liveIdle(this.#stop.signal);
      else gate.setLiveBusy(true);
      this.#handedMs = clock.now();
      yield chunk;
      // Asked for more: what was handed over is with the network.
      this.#handedMs = undefined;
      if (lane === "live") gate.setLiveBusy(false);
    }
    this.#handedMs = clock.now();
  }

  async *#parts(first: Opened): AsyncGenerator<MediaPart, void, void> {
    yield* this.#fragment(first);
    if (this.#options.isAlone) return;
    for (let opened = await this.#following(first); opened !== undefined; opened = await this.#following(opened)) {
      this.#begin(opened);
      yield* this.#fragment(opened);
    }
  }

  async *#fragment({ fragment, pieces, first, tracks }: Opened): AsyncGenerator<MediaPart, void, void> {
    const { metrics, clock } = this.#options;
    const types = new Map(tracks.map(({ number, type }) => [number, type]));
    const assembler = new FrameAssembler();
    let hasBegun = false;
    let hasPicture = false;
    let endMs = 0;
    let count = 0;
    for await (const { piece } of withFirst(first, pieces)) {
      count++;
      for (const slice of piece.slices) {
        const frame = types.has(slice.track) ? assembler.add(slice) : undefined;
        if (frame === undefined) continue;
        if (types.get(frame.track) === "video" && !hasPicture) {
          if (!frame.isKey) throw new Unplayable(fragment);
          hasPicture = true;
        }
        if (!hasBegun) yield { kind: "fragment", timecodeMs: fragment.producerMs };
        hasBegun = true;
        endMs = Math.max(endMs, frame.relativeTimecode);
        yield { kind: "frame", ...frame };
      }
    }
    // The disk lost one, and those behind it go with it.
    metrics.videoPiecesStray.inc(fragment.pieces - count);
    metrics.videoFramesCut.inc(assembler.cut);
    this.#endMs = fragment.producerMs + endMs;
    if (!hasBegun) {
      await this.#settle(fragment, "empty");
      return;
    }
    if (this.#options.lane === "backfill") yield { kind: "tags", tags: [BACKFILL_TAG] };
    yield { kind: "fragmentEnd" };
    const sent = this.#sent.find((other) => other.fragment === fragment);
    if (sent !== undefined) sent.completeMs = clock.now();
  }

  /** The lane's next fragment where it may follow in this call; waits a while for one. */
  async #following(before: Opened): Promise<Opened | undefined> {
    const next = await this.#nextWithin(IDLE_MS);
    if (next === undefined) return undefined;
    const isStep = Math.abs(next.producerMs - this.#endMs) > STEP_MS || next.producerMs <= before.fragment.producerMs;
    if (isStep) return undefined;
    const opened = await this.#open(next);
    if (opened === undefined) return this.#following(before);
    return isSameInit(before.tracks, opened.tracks) ? opened : undefined;
  }

  async #nextWithin(ms: number): Promise<QueuedFragment | undefined> {
    const { queue, next } = this.#options;
    const waiting = new AbortController();
    const onStop = (): void => waiting.abort();
    this.#stop.signal.addEventListener("abort", onStop, { once: true });
    const timer = setTimeout(onStop, ms);
    try {
      for (;;) {
        this.#stop.signal.throwIfAborted();
        const fragment = next();
        if (fragment !== undefined || waiting.signal.aborted) return fragment;
        await queue.changed.wait(waiting.signal).catch(() => undefined);
      }
    } finally {
      clearTimeout(timer);
      this.#stop.signal.removeEventListener("abort", onStop);
    }
  }

  async #take(ack: Ack): Promise<void> {
    const { onAnswer, metrics, lane } = this.#options;
    if (ack.event !== "ERROR") onAnswer();
    if (ack.event !== "PERSISTED" && ack.event !== "ERROR") return;
    const sent = this.#sent.find(({ fragment }) => fragment.producerMs === ack.fragmentTimecodeMs);
    if (ack.event !== "ERROR") {
      if (sent === undefined) return;
      await this.#settle(sent.fragment, "persisted");
      metrics.videoFragmentsPersisted.inc({ lane });
      return;
    }
    const answer = new ErrorAnswer(
      ack,
      sent?.fragment ?? (this.#sent.length === 1 ? this.#sent[0]?.fragment : undefined),
    );
    if (answer.fragment !== undefined && reactionTo(ack.errorId) === "skip") {
      await this.#refuse(answer.fragment, answer.message);
    }
    throw answer;
  }

  async #settle(fragment: QueuedFragment, outcome: FragmentOutcome): Promise<void> {
    await this.#options.settle(fragment, outcome);
    this.#sent = this.#sent.filter((other) => other.fragment !== fragment);
  }

  async #refuse(fragment: QueuedFragment, error: string): Promise<void> {
    await this.#options.refuse(fragment, error);
    this.#sent = this.#sent.filter((other) => other.fragment !== fragment);
  }

  /** A server that takes nothing, acknowledges nothing, or does not end, is as good as gone. */
  #watch(): void {
    const { clock, queue } = this.#options;
    const nowMs = clock.now();
    // Time alone makes it so, and nobody would look.
    if (this.#sent.some(({ fragment }) => queue.isStalled(fragment, nowMs))) queue.changed.notify();
    const completeMs = this.#sent[0]?.completeMs;
    if (nowMs - (completeMs ?? nowMs) >= PERSISTED_WITHIN_MS) {
      this.#stop.abort(new PutMediaError("interrupted", `no PERSISTED within ${PERSISTED_WITHIN_MS} ms`));
    } else if (nowMs - (this.#handedMs ?? nowMs) >= TAKEN_WITHIN_MS) {
      this.#stop.abort(new NotTaken(`the connection has not gone on for ${TAKEN_WITHIN_MS} ms`));
    }
  }
}

async function* withFirst(
  first: ReadPiece,
  rest: AsyncGenerator<ReadPiece, void, void>,
): AsyncGenerator<ReadPiece, void, void> {
  yield first;
  yield* rest;
}

/** Track by track, all that is said of them. */
function isSameInit(a: readonly WrittenTrack[], b: readonly WrittenTrack[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
