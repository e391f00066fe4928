import type { Log, StoredFrame } from "@headwater/log";
import { hashPartitionKey, UplinkError, type UplinkRecord } from "@headwater/protocol";
import type { Logger } from "pino";
import type { GatewayMetrics } from "../metrics.js";
import type { DeadLetters } from "../spool/dead-letters.js";
import { recordOf } from "../spool/spool-frame.js";
import type { StreamSpool } from "../spool/stream-spool.js";
import { type Backoff, backoffs, delayMs } from "./backoff.js";
import { Changed } from "./changed.js";
import { judgeAnswer } from "./judge-answer.js";
import { type QueuedRecord, StreamQueue, type StreamQueueLimits } from "./stream-queue.js";
import { together } from "./together.js";
import type { Intent, Outcome } from "./uplink-event.js";
import type { UplinkJournal } from "./uplink-journal.js";
import { type EntryResult, type Upstream, UpstreamError, type UpstreamShard } from "./upstream.js";
import type { UpstreamStatus } from "./upstream-status.js";

export interface StreamUplinkOptions {
  readonly stream: string;
  readonly spool: StreamSpool;
  readonly log: Log;
  readonly journal: UplinkJournal;
  readonly upstream: Upstream;
  readonly deadLetters: DeadLetters;
  /** The gateway's id, for new requests. */
  readonly producer: string;
  /** Whether a stream that does not exist is made. */
  readonly createStreams: boolean;
  readonly limits: StreamQueueLimits;
  readonly status: UpstreamStatus;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  /** 0 to 1. */
  readonly random: () => number;
  /** @throws the signal's reason once it is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What is left of a request. */
interface Verdict {
  /** Indexes of the entries that go again under another number. */
  readonly undelivered: readonly number[];
  /** Nothing was looked at: the request as a whole will never be taken. */
  readonly isRefused: boolean;
  /** The upstream has other shards than we thought. */
  readonly isElsewhere: boolean;
}

const READ_FRAMES_MAX = 1000;
const READ_BYTES_MAX = 1024 * 1024;
const TROUBLE: Backoff = { firstMs: 500, mostMs: 10_000 };

/**
 * Forwards one stream: reads its spool, sends one request at a time to each shard, and releases what is answered for.
 * Every request is announced in the journal before it is sent and repeated until it has an answer, also after a restart.
 * See docs/design/identity-and-order.md.
 */
export class StreamUplink {
  readonly #options: StreamUplinkOptions;

  constructor(options: StreamUplinkOptions) {
    this.#options = options;
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, stream, sleep, random } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#forward(signal);
        failures = 0;
      } catch (error) {
        if (isAborted(signal)) return;
        // A disk that fails. The journal says what is open, so starting over loses and doubles nothing.
        logger.error({ err: error, stream }, "forwarding failed, starting over");
        await sleep(delayMs(TROUBLE, failures++, random()), signal).catch((reason: unknown) => {
          if (!isAborted(signal)) throw reason;
        });
      }
    }
  }

  /** Until the upstream's shards turn out to be others. */
  async #forward(signal: AbortSignal): Promise<void> {
    const { log, spool, stream, journal, limits } = this.#options;
    // A child shard may not get what its parent has in flight: old requests end before new ones are made.
    const open = journal.state.openIntents(stream);
    await together(
      open.map((intent) => (signal) => this.#resend(intent, signal)),
      signal,
    );
    const { released, done } = journal.state.progress(stream);
    spool.release(released);
    const from = Math.max(released, log.bounds(spool.shard).first);
    await log.grown(spool.shard, from, signal);
    const shards = await this.#findShards(signal);
    const run = new ForwardRun(new StreamQueue(shards, from, done, limits));
    await together(
      [
        (signal) => this.#read(run, signal),
        ...shards.map(
          ({ shardId }) =>
            (signal: AbortSignal) =>
              this.#serve(run, shardId, signal),
        ),
      ],
      signal,
    );
  }

  async #findShards(signal: AbortSignal): Promise<UpstreamShard[]> {
    const { upstream, stream, status } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        const shards = await upstream.listShards(stream, signal);
        status.succeeded(stream);
        return shards;
      } catch (error) {
        await this.#afterFailure(error, attempt, signal);
      }
    }
  }

  /** Keeps the queue filled. */
  async #read(run: ForwardRun, signal: AbortSignal): Promise<void> {
    const { log, spool, metrics } = this.#options;
    const { queue, changed } = run;
    const readable = AbortSignal.any([signal, run.ended]);
    while (!run.ended.aborted) {
      const bytes = Math.min(READ_BYTES_MAX, queue.roomBytes);
      if (bytes === 0) {
        await changed.wait(signal);
        continue;
      }
      try {
        await log.grown(spool.shard, queue.cursor, readable);
      } catch (error) {
        if (run.ended.aborted && !signal.aborted) return;
        throw error;
      }
      const { frames, next } = await log.read(spool.shard, queue.cursor, { frames: READ_FRAMES_MAX, bytes });
      metrics.damagedRecords.inc(next - queue.cursor - frames.length);
      const records: QueuedRecord[] = [];
      for (const frame of frames) {
        if (queue.isDone(frame.position)) continue;
        const record = await this.#decode(frame);
        if (record !== undefined) records.push(record);
      }
      queue.offer(records, next);
      // What an earlier run delivered is read once more and never sent: nobody else releases it.
      if (records.length === 0) spool.release(queue.released());
      changed.notify();
    }
  }

  /** One shard's requests, one after the other. */
  async #serve(run: ForwardRun, shardId: string, signal: AbortSignal): Promise<void> {
    const { journal, stream, producer, spool } = this.#options;
    const { queue, changed } = run;
    /** The last request's answer, while it is not on disk. */
    let outcome: Outcome | undefined;
    let fruitless = 0;
    let mustPause = false;
    for (;;) {
      const batch = run.ended.aborted || mustPause ? undefined : queue.take(shardId);
      const intent: Intent | undefined = batch && {
        type: "intent",
        request: journal.state.takeRequest(),
        producer,
        stream,
        shardId,
        positions: batch.records.map(({ position }) => position),
      };
      // The answer to the last request and the next request go to disk together, with one sync.
      const events = [outcome, intent].filter((event) => event !== undefined);
      if (events.length > 0) await journal.write(events);
      if (outcome !== undefined) {
        outcome = undefined;
        queue.recorded(shardId);
        spool.release(queue.released());
        changed.notify();
      }
      if (batch !== undefined && intent !== undefined) {
        const verdict = await this.#deliver(intent, batch.records, signal);
        if (verdict.isRefused) queue.halve(batch);
        else queue.grow(shardId);
        const { undelivered } = verdict;
        outcome = { type: "outcome", request: intent.request, undelivered, released: queue.settle(batch, undelivered) };
        fruitless = undelivered.length < batch.records.length ? 0 : fruitless + 1;
        mustPause = undelivered.length > 0 && !verdict.isRefused;
        if (verdict.isElsewhere) run.end();
      } else if (mustPause) {
        mustPause = false;
        await this.#pause(backoffs.throttled, fruitless, signal);
      } else if (run.ended.aborted) {
        return;
      } else {
        await changed.wait(signal);
      }
    }
  }

  /** Sends what an earlier run of the gateway had announced: the same bytes under the same name. */
  async #resend(intent: Intent, signal: AbortSignal): Promise<void> {
    const { journal, metrics, logger } = this.#options;
    const records = await this.#recordsAt(intent.positions);
    const missing = intent.positions.length - records.size;
    let undelivered: readonly number[];
    if (missing === 0) {
      ({ undelivered } = await this.#deliver(intent, [...records.values()], signal));
    } else {
      // The request cannot be made again as it was: what is left of it goes under another name.
      undelivered = intent.positions.flatMap((position, i) => (records.has(position) ? [i] : []));
      metrics.damagedRecords.inc(missing);
      metrics.possibleDuplicates.inc({ cause: "damaged" }, undelivered.length);
      logger.error(
        { stream: intent.stream, request: intent.request, missing },
        "records of an open request are damaged",
      );
    }
    await journal.write([{ type: "outcome", request: intent.request, undelivered, released: 0 }]);
  }

  /** Repeats a request, always the same, until the upstream has said what becomes of it. */
  async #deliver(intent: Intent, records: readonly QueuedRecord[], signal: AbortSignal): Promise<Verdict> {
    const { upstream, stream, journal, metrics, status } = this.#options;
    const name = { producer: intent.producer, spoolId: journal.state.spoolId, request: intent.request };
    const all = records.map((_, i) => i);
    for (let attempt = 0; ; attempt++) {
      let results: EntryResult[];
      const end = metrics.putRecordsSeconds.startTimer();
      metrics.requests.inc();
      try {
        results = await upstream.putRecords(stream, records, name, signal);
      } catch (error) {
        if (error instanceof UpstreamError && error.kind === "refused") {
          metrics.requestsFailed.inc({ cause: error.kind });
          const [record] = records;
          if (records.length > 1 || record === undefined)
            return { ...NOTHING_TAKEN, undelivered: all, isRefused: true };
          await this.#putAside(record, error.message);
          return NOTHING_TAKEN;
        }
        if (error instanceof UpstreamError && error.kind === "forgotten") {
          metrics.requestsFailed.inc({ cause: error.kind });
          metrics.possibleDuplicates.inc({ cause: "forgotten" }, records.length);
          return { ...NOTHING_TAKEN, undelivered: all };
        }
        await this.#afterFailure(error, attempt, signal);
        continue;
      } finally {
        end();
      }
      status.succeeded(stream);
      return await this.#afterAnswer(results, intent, records);
    }
  }

  async #afterAnswer(results: EntryResult[], intent: Intent, records: readonly QueuedRecord[]): Promise<Verdict> {
    const { metrics, status } = this.#options;
    const { accepted, rejected, forgotten, refused, codes, isElsewhere } = judgeAnswer(results, intent.shardId);
    metrics.recordsForwarded.inc(accepted);
    status.accepted(accepted);
    for (const [code, count] of codes) metrics.recordsRejected.inc({ code: labelOf(code) }, count);
    if (forgotten > 0) metrics.possibleDuplicates.inc({ cause: "forgotten" }, forgotten);
    for (const { index, detail } of refused) {
      const record = records[index];
      if (record !== undefined) await this.#putAside(record, detail);
    }
    return { undelivered: rejected, isRefused: false, isElsewhere };
  }

  /** Waits after a call that failed; makes the stream, if that is wanted. @throws what is no failure of the upstream. */
  async #afterFailure(error: unknown, attempt: number, signal: AbortSignal): Promise<void> {
    if (!(error instanceof UpstreamError) || error.kind === "refused" || error.kind === "forgotten") throw error;
    const { status, stream, metrics, createStreams, upstream } = this.#options;
    metrics.requestsFailed.inc({ cause: error.kind });
    status.failed(stream, error.kind, error.message);
    if (error.kind === "not-found" && createStreams) {
      try {
        await upstream.createStream(stream, signal);
        // It takes a moment to become active.
        return await this.#pause(backoffs["not-found"], 0, signal);
      } catch (failure) {
        if (!(failure instanceof UpstreamError)) throw failure;
        status.failed(stream, failure.kind, failure.message);
      }
    }
    await this.#pause(backoffs[error.kind], attempt, signal);
  }

  async #putAside(record: QueuedRecord, detail: string): Promise<void> {
    const { deadLetters, stream, logger } = this.#options;
    logger.warn({ stream, position: record.position, detail }, "the upstream refuses a record for good");
    const { partitionKey, data: payload } = record;
    await deadLetters.add({ reason: "refused-upstream", detail, stream, partitionKey, payload });
  }

  /** The records at these rising positions that can be read. */
  async #recordsAt(positions: readonly number[]): Promise<ReadonlyMap<number, QueuedRecord>> {
    const { log, spool } = this.#options;
    const wanted = new Set(positions);
    const records = new Map<number, QueuedRecord>();
    const end = Math.min((positions.at(-1) ?? -1) + 1, log.bounds(spool.shard).next);
    for (let position = positions[0] ?? end; position < end;) {
      const { frames, next } = await log.read(spool.shard, position, {
        frames: READ_FRAMES_MAX,
        bytes: READ_BYTES_MAX,
      });
      for (const frame of frames) {
        const record = wanted.has(frame.position) ? await this.#decode(frame) : undefined;
        if (record !== undefined) records.set(frame.position, record);
      }
      position = next;
    }
    return records;
  }

  /** What the ingest has checked fails here only if another version wrote it: it is put aside. */
  async #decode({ position, data }: StoredFrame): Promise<QueuedRecord | undefined> {
    let record: UplinkRecord;
    try {
      record = recordOf(data);
    } catch (error) {
      if (!(error instanceof UplinkError)) throw error;
      const { stream, deadLetters } = this.#options;
      await deadLetters.add({ reason: "malformed-record", detail: error.message, stream, payload: data });
      return undefined;
    }
    const { partitionKey, explicitHashKey } = record;
    // A copy: a view would keep a whole read in memory while one record of it waits.
    const bytes = new Uint8Array(record.data);
    if (explicitHashKey === undefined) {
      return { position, partitionKey, data: bytes, hashKey: hashPartitionKey(partitionKey) };
    }
    return { position, partitionKey, explicitHashKey, data: bytes, hashKey: BigInt(explicitHashKey) };
  }

  async #pause(backoff: Backoff, attempt: number, signal: AbortSignal): Promise<void> {
    await this.#options.sleep(delayMs(backoff, attempt, this.#options.random()), signal);
  }
}

const NOTHING_TAKEN: Verdict = { undelivered: [], isRefused: false, isElsewhere: false };

/** Codes come from the other side, and labels must be few. */
const knownCodes: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "ProducerRequestForgottenException",
  "InternalFailure",
  "ValidationException",
  "InvalidArgumentException",
]);

function labelOf(code: string): string {
  return knownCodes.has(code) ? code : "other";
}

/** A function, since a getter's value is taken not to change across an await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** A queue, who waits for it to change, and whether it is to be given up for one over other shards. */
class ForwardRun {
  readonly queue: StreamQueue;
  readonly changed = new Changed();
  readonly #end = new AbortController();

  constructor(queue: StreamQueue) {
    this.queue = queue;
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  /** No new requests; those in flight are waited for. */
  end(): void {
    this.#end.abort();
    this.changed.notify();
  }
}
