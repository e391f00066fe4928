import type { Log } from "@headwater/log";
import type { Logger } from "pino";
import type { GatewayMetrics } from "../metrics.js";
import { PutMediaError, reactionTo } from "../put-media/index.js";
import type { DeadLetters } from "../spool/dead-letters.js";
import type { StreamSpool } from "../spool/stream-spool.js";
import { type Backoff, delayMs } from "../uplink/backoff.js";
import { together } from "../uplink/together.js";
import type { UpstreamErrorKind } from "../uplink/upstream.js";
import type { UpstreamStatus } from "../uplink/upstream-status.js";
import { encodeNote, type FragmentOutcome } from "./fragment-note.js";
import { FragmentQueue, type QueuedFragment } from "./fragment-queue.js";
import { FragmentReader } from "./fragment-reader.js";
import { LaneGate } from "./lane-gate.js";
import { ErrorAnswer } from "./put-failure.js";
import { PutSession } from "./put-session.js";
import type { VideoLane, VideoUpstream } from "./video-upstream.js";

export interface StreamForwarderOptions {
  readonly stream: string;
  readonly spool: StreamSpool;
  readonly log: Log;
  readonly upstream: VideoUpstream;
  readonly deadLetters: DeadLetters;
  readonly status: UpstreamStatus;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly clock: { now(): number };
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const READ_LIMITS = { frames: 1000, bytes: 4 * 1024 * 1024 };
/** Short: every second of it is a second behind live. */
const BACKOFF: Backoff = { firstMs: 100, mostMs: 2_000 };
/** Where somebody has to do something first. */
const STOPPED: Backoff = { firstMs: 1_000, mostMs: 10_000 };

/** A fragment within which so many calls ended, while other fragments were taken, is put aside. */
const BREAKS_MAX = 5;
const BROKEN = `${BREAKS_MAX} calls ended within the fragment, while others were taken`;

/**
 * Forwards one stream's video: reads its shard, and keeps one PutMedia call for what is live, and another, while there is
 * something to make up for, for what is late. A fragment is released when it is PERSISTED and that is noted on disk.
 */
export class StreamForwarder {
  readonly #options: StreamForwarderOptions;
  /** Of the run under way. */
  #queue: FragmentQueue | undefined;

  constructor(options: StreamForwarderOptions) {
    this.#options = options;
  }

  /** Fragments that are not dealt with. */
  get waiting(): number {
    return this.#queue?.waiting ?? 0;
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, stream, sleep, random } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#forward(signal);
      } catch (error) {
        if (signal.aborted) return;
        // A disk that fails. The notes say what is dealt with, so starting over loses nothing.
        logger.error({ err: error, stream }, "forwarding video failed, starting over");
        await sleep(delayMs(STOPPED, failures++, random()), signal).catch(() => undefined);
      }
    }
  }

  async #forward(signal: AbortSignal): Promise<void> {
    const { log, spool, metrics, clock } = this.#options;
    const { first, next: known } = log.bounds(spool.shard);
    const queue = new FragmentQueue(first, () => metrics.videoPiecesStray.inc());
    this.#queue = queue;
    // What is noted as dealt with lies behind what it is about: nothing goes out before all of that is read.
    while (queue.cursor < known) await this.#read(queue);
    spool.release(queue.released());
    const reader = new FragmentReader(log, spool.shard, queue, clock);
    const gate = new LaneGate();
    await together(
      [
        (either) => this.#follow(queue, either),
        (either) => this.#serve("live", queue, reader, gate, either),
        (either) => this.#serve("backfill", queue, reader, gate, either),
      ],
      signal,
    );
  }

  /** Keeps the queue filled. */
  async #follow(queue: FragmentQueue, signal: AbortSignal): Promise<void> {
    const { log, spool } = this.#options;
    for (;;) {
      await log.grown(spool.shard, queue.cursor, signal);
      await this.#read(queue);
      // Notes, and what was dealt with before the start, are read and never sent: nobody else releases them.
      spool.release(queue.released());
      signal.throwIfAborted();
    }
  }

  async #read(queue: FragmentQueue): Promise<void> {
    const { log, spool } = this.#options;
    const { frames, next } = await log.read(spool.shard, queue.cursor, READ_LIMITS);
    queue.take(frames, next);
  }

  /** One lane's calls, one after the other. */
  async #serve(
    lane: VideoLane,
    queue: FragmentQueue,
    reader: FragmentReader,
    gate: LaneGate,
    signal: AbortSignal,
  ): Promise<void> {
    const { stream, upstream, metrics, clock, status, sleep, random } = this.#options;
    let passedOver: QueuedFragment | undefined;
    const next = (): QueuedFragment | undefined =>
      lane === "live" ? queue.nextLive(clock.now()) : queue.nextBackfill(passedOver);
    let failures = 0;
    let isAlone = false;
    let suspect: QueuedFragment | undefined;
    const settle = async (fragment: QueuedFragment, outcome: FragmentOutcome): Promise<void> => {
      await this.#settle(queue, fragment, outcome);
      failures = 0;
    };
    const refuse = (fragment: QueuedFragment, error: string): Promise<void> =>
      this.#refuse(queue, reader, fragment, error, signal);
    const onAnswer = (): void => status.succeeded(statusName(stream));
    const common = { stream, lane, queue, reader, gate, upstream, next, settle, refuse, onAnswer, metrics, clock };
    for (;;) {
      signal.throwIfAborted();
      const fragment = next();
      if (fragment === undefined) {
        await queue.changed.wait(signal);
        continue;
      }
      passedOver = undefined;
      const session = new PutSession({ ...common, isAlone });
      try {
        await session.run(fragment, signal);
        isAlone = false;
      } catch (error) {
        signal.throwIfAborted();
        const backoff = this.#afterFailure(error);
        const [first, ...others] = session.suspects;
        if (first !== undefined) isAlone = true;
        if (first !== undefined && others.length === 0) {
          if (queue.brokeWithin(first) >= BREAKS_MAX) await refuse(first, BROKEN);
          // Again by itself; then after another, which tells whether it is to blame.
          else if (first === suspect) passedOver = first;
          suspect = first;
        }
        await sleep(delayMs(backoff, failures++, random()), signal);
      }
    }
  }

  /** @throws what is none of the upstream's. */
  #afterFailure(error: unknown): Backoff {
    const { stream, status, metrics, logger } = this.#options;
    const cause = causeOf(error);
    if (cause === undefined) throw error;
    metrics.videoSessionsFailed.inc({ cause });
    const reason = (error as Error).message;
    logger.info({ stream, cause, reason }, "a PutMedia call ended");
    const kind = kindOf(error);
    if (kind !== undefined) status.failed(statusName(stream), kind, reason);
    return kind === "rejecting" || kind === "not-found" ? STOPPED : BACKOFF;
  }

  /** Notes what became of a fragment, and releases what is dealt with. */
  async #settle(queue: FragmentQueue, fragment: QueuedFragment, outcome: FragmentOutcome): Promise<void> {
    const { spool } = this.#options;
    await spool.note(encodeNote(fragment.id, outcome));
    queue.settle(fragment, outcome);
    spool.release(queue.released());
  }

  /** What is there of it goes to the dead letters, piece by piece. */
  async #refuse(
    queue: FragmentQueue,
    reader: FragmentReader,
    fragment: QueuedFragment,
    error: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { stream, deadLetters, metrics, logger } = this.#options;
    const { device } = fragment.id;
    const there = fragment.pieces;
    for await (const { piece, bytes } of reader.read(fragment, signal)) {
      await deadLetters.add({ reason: "refused-upstream", detail: error, device, stream, payload: bytes });
      if (piece.index + 1 >= there) break;
    }
    logger.warn({ stream, ...fragment.id, error }, "a fragment was put aside");
    metrics.videoFragmentsRefused.inc({ error });
    await this.#settle(queue, fragment, "refused");
  }
}

/** Records and video may go to a stream of one name. */
function statusName(stream: string): string {
  return `video/${stream}`;
}

/** A metric's label; undefined for what the upstream has no part in. */
function causeOf(error: unknown): string | undefined {
  if (error instanceof ErrorAnswer) return `error-${error.ack.errorId}`;
  if (error instanceof PutMediaError) return error.code;
  return error instanceof Error && error.name === "FragmentStalled" ? "stalled" : undefined;
}

function kindOf(error: unknown): UpstreamErrorKind | undefined {
  if (error instanceof ErrorAnswer) return reactionTo(error.ack.errorId) === "stop" ? "rejecting" : "failing";
  if (!(error instanceof PutMediaError)) return undefined;
  if (error.code === "malformed-answer") return "failing";
  if (error.code !== "refused") return "unreachable";
  if (error.type === "ResourceNotFoundException") return "not-found";
  if (!error.isRetriable) return "rejecting";
  return (error.status ?? 0) >= 500 ? "failing" : "throttled";
}
