import type { Log, StoredFrame } from "@headwater/log";
import { hashPartitionKey, UplinkError, type UplinkRecord } from "@headwater/protocol";
import { recordOf } from "../spool/spool-frame.js";
import type { StreamSpool } from "../spool/stream-spool.js";
import { type Backoff, backoffs, delayMs } from "./backoff.js";
import { Changed } from "./changed.js";
import { type DeliveryOptions, RequestDelivery } from "./request-delivery.js";
import { type QueuedRecord, StreamQueue, type StreamQueueLimits } from "./stream-queue.js";
import { together } from "./together.js";
import type { Intent, Outcome } from "./uplink-event.js";
import type { UpstreamShard } from "./upstream.js";

export interface StreamUplinkOptions extends DeliveryOptions {
  readonly spool: StreamSpool;
  readonly log: Log;
  /** The gateway's id, for new requests. */
  readonly producer: string;
  readonly limits: StreamQueueLimits;
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
  readonly #delivery: RequestDelivery;

  constructor(options: StreamUplinkOptions) {
    this.#options = options;
    this.#delivery = new RequestDelivery(options);
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
        await this.#delivery.afterFailure(error, attempt, signal);
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
        const verdict = await this.#delivery.deliver(intent, batch.records, signal);
        if (verdict.isRefused) queue.halve(batch);
        else queue.grow(shardId);
        const { undelivered } = verdict;
        outcome = { type: "outcome", request: intent.request, undelivered, released: queue.settle(batch, undelivered) };
        fruitless = undelivered.length < batch.records.length ? 0 : fruitless + 1;
        mustPause = undelivered.length > 0 && !verdict.isRefused;
        if (verdict.isElsewhere) run.end();
      } else if (mustPause) {
        mustPause = false;
        await this.#delivery.pause(backoffs.throttled, fruitless, signal);
      } else if (run.ended.aborted) {
        return;
      } else if (events.length === 0) {
        // Else records may have come while the answer was written, and nobody will tell of them again.
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
      ({ undelivered } = await this.#delivery.deliver(intent, [...records.values()], signal));
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
