import { kinesisLimits } from "@headwater/protocol";
import { backoffMs } from "../backoff.js";
import type { ByteBudget } from "../byte-budget.js";
import { ClientError } from "../client-error.js";
import type { Clock } from "../clock.js";
import type { ReadFrom, RecordPage, StreamApi } from "../kinesis/stream-api.js";
import { mayPass } from "./may-pass.js";
import type { ShardSource, SourceSink } from "./shard-source.js";

export interface PollSourceOptions {
  readonly api: StreamApi;
  readonly stream: string;
  readonly budget: ByteBudget;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly onFailure: (error: ClientError, shardId: string) => void;
}

/** An answer may be as large as this, so that much memory is taken before each call. */
export const PAGE_BYTES_MAX = kinesisLimits.getRecordsBytesMax;

/** A shard answers five reads a second, to all who read it together. */
const CALL_MS = 200;
const IDLE_MS_MAX = 1_000;
/** Who is throttled calls so much less often, and with each call that is answered a little more often again. */
const SLOWER = 1.5;
const FASTER_MS = 5;

/** Reads shards by GetRecords: at most five times a second, less often while nothing comes or others read, too. */
export class PollSource implements ShardSource {
  readonly #options: PollSourceOptions;

  constructor(options: PollSourceOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {}

  async read(shardId: string, from: ReadFrom, sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { clock, random, onFailure } = this.#options;
    let iterator: string | undefined;
    let next = from;
    let emptyCalls = 0;
    let paceMs = CALL_MS;
    for (let failures = 0; ;) {
      const beganMs = clock.monotonicMs();
      let page: RecordPage;
      try {
        iterator ??= await this.#iterator(shardId, next, signal);
        page = await this.#page(iterator, sink, signal);
        failures = 0;
        paceMs = Math.max(CALL_MS, paceMs - FASTER_MS);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ClientError) || !mayPass(error, next, clock.wallMs())) throw error;
        onFailure(error, shardId);
        // A loop that was busy for minutes has let it expire.
        if (error.code === "iterator-expired") iterator = undefined;
        const backMs = backoffMs(error.code, failures++, random());
        const isThrottled = error.code === "throttled";
        if (isThrottled) paceMs = Math.min(IDLE_MS_MAX, paceMs * SLOWER);
        await clock.sleep(isThrottled ? Math.max(backMs, paceMs * (1 - random() / 2)) : backMs, signal);
        continue;
      }
      const last = page.records.at(-1);
      if (last !== undefined) next = { type: "AFTER_SEQUENCE_NUMBER", sequenceNumber: last.sequenceNumber };
      if (page.nextIterator === undefined) return;
      iterator = page.nextIterator;
      emptyCalls = last === undefined && page.behindMs === 0 ? emptyCalls + 1 : 0;
      const pauseMs = Math.min(IDLE_MS_MAX, paceMs * Math.max(1, emptyCalls));
      await clock.sleep(Math.max(0, beganMs + pauseMs - clock.monotonicMs()), signal);
    }
  }

  #iterator(shardId: string, from: ReadFrom, signal: AbortSignal): Promise<string> {
    const { api, stream } = this.#options;
    return api.shardIterator(stream, shardId, from, signal);
  }

  /** Waits for memory first: a loop that is slow stops the reading. */
  async #page(iterator: string, sink: SourceSink, signal: AbortSignal): Promise<RecordPage> {
    const { api, budget } = this.#options;
    await budget.take(PAGE_BYTES_MAX, signal);
    let bytes = 0;
    try {
      const page = await api.getRecords(iterator, signal);
      bytes = sink.offer(page);
      return page;
    } finally {
      budget.exchange(PAGE_BYTES_MAX, bytes);
    }
  }
}
