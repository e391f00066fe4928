import type { Logger } from "pino";
import type { GatewayMetrics } from "../metrics.js";
import type { DeadLetters } from "../spool/dead-letters.js";
import { type Backoff, backoffs, delayMs } from "./backoff.js";
import { judgeAnswer } from "./judge-answer.js";
import type { QueuedRecord } from "./stream-queue.js";
import type { Intent } from "./uplink-event.js";
import type { UplinkJournal } from "./uplink-journal.js";
import { type EntryResult, type Upstream, UpstreamError } from "./upstream.js";
import type { UpstreamStatus } from "./upstream-status.js";

export interface DeliveryOptions {
  readonly stream: string;
  readonly journal: UplinkJournal;
  readonly upstream: Upstream;
  readonly deadLetters: DeadLetters;
  /** Whether a stream that does not exist is made. */
  readonly createStreams: boolean;
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

/** Sends the announced requests of one stream until each has its answer, and says what is left of them. */
export class RequestDelivery {
  readonly #options: DeliveryOptions;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Repeats a request, always the same, until the upstream has said what becomes of it. */
  async deliver(intent: Intent, records: readonly QueuedRecord[], signal: AbortSignal): Promise<Verdict> {
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
          status.failed(stream, error.kind, error.message);
          await this.#putAside(record, error.message);
          return NOTHING_TAKEN;
        }
        if (error instanceof UpstreamError && error.kind === "forgotten") {
          metrics.requestsFailed.inc({ cause: error.kind });
          metrics.possibleDuplicates.inc({ cause: "forgotten" }, records.length);
          return { ...NOTHING_TAKEN, undelivered: all };
        }
        await this.afterFailure(error, attempt, signal);
        continue;
      } finally {
        end();
      }
      return await this.#afterAnswer(results, intent, records);
    }
  }

  async #afterAnswer(results: EntryResult[], intent: Intent, records: readonly QueuedRecord[]): Promise<Verdict> {
    const { metrics, status, stream } = this.#options;
    const { accepted, rejected, forgotten, refused, codes, failure, isElsewhere } = judgeAnswer(
      results,
      intent.shardId,
    );
    if (failure === undefined) status.succeeded(stream);
    else status.failed(stream, "rejecting", failure);
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
  async afterFailure(error: unknown, attempt: number, signal: AbortSignal): Promise<void> {
    if (!(error instanceof UpstreamError) || error.kind === "refused" || error.kind === "forgotten") throw error;
    const { status, stream, metrics, createStreams, upstream } = this.#options;
    metrics.requestsFailed.inc({ cause: error.kind });
    status.failed(stream, error.kind, error.message);
    if (error.kind === "not-found" && createStreams) {
      try {
        await upstream.createStream(stream, signal);
        // It takes a moment to become active.
        return await this.pause(backoffs["not-found"], 0, signal);
      } catch (failure) {
        if (!(failure instanceof UpstreamError)) throw failure;
        status.failed(stream, failure.kind, failure.message);
      }
    }
    await this.pause(backoffs[error.kind], attempt, signal);
  }

  async #putAside(record: QueuedRecord, detail: string): Promise<void> {
    const { deadLetters, stream, logger } = this.#options;
    logger.warn({ stream, position: record.position, detail }, "the upstream refuses a record for good");
    const { partitionKey, data: payload } = record;
    await deadLetters.add({ reason: "refused-upstream", detail, stream, partitionKey, payload });
  }

  async pause(backoff: Backoff, attempt: number, signal: AbortSignal): Promise<void> {
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
