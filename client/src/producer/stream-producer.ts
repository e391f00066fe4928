import { findByHashKey, type ProducerRequest } from "@headwater/protocol";
import { backoffMs } from "../backoff.js";
import { ClientError } from "../client-error.js";
import type { Clock } from "../clock.js";
import type { PutResult, Shard, StreamApi } from "../kinesis/stream-api.js";
import { codeOfEntry } from "../kinesis/to-client-error.js";
import { sharedController } from "../shared-controller.js";
import { Wake } from "../wake.js";
import { buildRequest, countNext, type PutRequest } from "./put-request.js";
import type { QueuedPut } from "./queued-put.js";
import { ShardQueue } from "./shard-queue.js";

export interface StreamProducerOptions {
  readonly api: StreamApi;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly stream: string;
  readonly isAggregating: boolean;
  readonly lingerMs: number;
  readonly batchRecordsMax: number;
  readonly batchBytesMax: number;
  /** Whether somebody waits for everything to be sent, so that nothing lingers. */
  readonly isFlushing: () => boolean;
  /** The name of a new request. */
  readonly nameRequest: () => ProducerRequest;
  readonly onFailure: (error: ClientError, stream: string) => void;
}

const RESHARDING = new ClientError("throttled", "the open shards do not cover all hash keys");
const REJECTED = new ClientError("throttled", "records were rejected");

/** An aggregate that another shard took than was meant: which of its records count, the shard's range will say. */
interface Misrouted {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly puts: readonly QueuedPut[];
}

/** One stream's records on their way: a queue for each shard, each with one request in flight. */
export class StreamProducer {
  readonly #options: StreamProducerOptions;
  readonly #arrived = new Wake();
  /** Without a shard yet, in the order of the calls. */
  #unrouted: QueuedPut[] = [];
  #misrouted: Misrouted[] = [];
  #queues: readonly (Shard & { readonly queue: ShardQueue })[] = [];

  constructor(options: StreamProducerOptions) {
    this.#options = options;
  }

  add(put: QueuedPut): void {
    const queue = findByHashKey(this.#queues, put.hashKey)?.queue;
    if (queue !== undefined) {
      queue.add(put);
      return;
    }
    this.#unrouted.push(put);
    this.#arrived.all();
    // Between two shards: the listing was made in the middle of a reshard.
    this.hurry();
  }

  /** There is a reason to look again: somebody waits for everything to be sent, or the shards are others. */
  hurry(): void {
    for (const { queue } of this.#queues) queue.changed.all();
  }

  /** Until the signal is aborted; what is left then is the caller's to reject. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      while (this.#unrouted.length === 0 && this.#misrouted.length === 0) await this.#arrived.next(signal);
      const shards = await this.#listShards(signal);
      if (shards === undefined) continue;
      this.#settleMisrouted(shards);
      this.#unrouted = this.#withoutOverdue(this.#unrouted);
      this.#route(shards);
      if (this.#unrouted.length > 0) await this.#pause(RESHARDING, 0, signal);
      // Until the shards turn out to be others.
      const stale = sharedController();
      const ended = AbortSignal.any([signal, stale.signal]);
      try {
        await Promise.all(this.#queues.map(({ queue }) => this.#serve(queue, stale, ended, signal)));
      } finally {
        const left = this.#queues.flatMap(({ queue }) => queue.puts);
        this.#queues = [];
        this.#unrouted = [...this.#unrouted, ...left].sort((a, b) => a.order - b.order);
      }
    }
  }

  /** @returns undefined where that failed for good, and so did everything that waits for it. */
  async #listShards(signal: AbortSignal): Promise<Shard[] | undefined> {
    const { api, stream } = this.#options;
    for (let failures = 0; ; failures++) {
      try {
        return await api.listShards(stream, undefined, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ClientError)) throw error;
        this.#options.onFailure(error, stream);
        if (!error.retriable) {
          for (const put of this.#unrouted.splice(0)) put.reject(error);
          for (const { puts } of this.#misrouted.splice(0)) for (const put of puts) put.reject(error);
          return undefined;
        }
        this.#unrouted = this.#withoutOverdue(this.#unrouted);
        await this.#pause(error, failures, signal);
      }
    }
  }

  #route(shards: readonly Shard[]): void {
    const open = shards.filter(({ isOpen }) => isOpen).sort((a, b) => (a.startingHashKey < b.startingHashKey ? -1 : 1));
    this.#queues = open.map((shard) => ({ ...shard, queue: new ShardQueue(shard, this.#options.batchRecordsMax) }));
    // One whose shard is not listed, in the middle of a reshard, waits for the next listing.
    for (const put of this.#unrouted.splice(0)) this.add(put);
  }

  /** Sends one shard's records, request by request. */
  async #serve(queue: ShardQueue, stale: AbortController, ended: AbortSignal, signal: AbortSignal): Promise<void> {
    const { batchBytesMax, isAggregating } = this.#options;
    for (let fruitless = 0; !ended.aborted;) {
      if (this.#unrouted.length > 0) {
        stale.abort();
        break;
      }
      if (queue.puts.length === 0) {
        await queue.changed.next(ended).catch(() => undefined);
        continue;
      }
      await this.#linger(queue, ended);
      if (ended.aborted) break;
      const limits = { recordsMax: queue.recordsMax, bytesMax: batchBytesMax, isAggregating };
      const taken = queue.take(countNext(queue.puts, limits));
      const puts = this.#withoutOverdue(taken);
      if (puts.length === 0) continue;
      const request = buildRequest(puts, isAggregating, queue.shard);
      const results = await this.#send(request, queue, stale, signal);
      if (results === undefined) continue;
      const { rejected, isElsewhere } = this.#judge(request, results, queue.shard.shardId);
      queue.putBack(rejected);
      queue.recordsMax = Math.min(this.#options.batchRecordsMax, queue.recordsMax * 2);
      if (isElsewhere) stale.abort();
      if (rejected.length === 0) fruitless = 0;
      else await this.#pause(REJECTED, fruitless++, ended).catch(() => undefined);
    }
    signal.throwIfAborted();
  }

  /** Waits for more to send along, unless there is enough, or no time. */
  async #linger(queue: ShardQueue, ended: AbortSignal): Promise<void> {
    const { lingerMs, clock, isFlushing, batchBytesMax } = this.#options;
    if (lingerMs === 0) return;
    const over = new AbortController();
    const onEnd = (): void => over.abort();
    ended.addEventListener("abort", onEnd, { once: true });
    const slept = clock.sleep(lingerMs, over.signal).then(onEnd, () => undefined);
    const isFull = (): boolean => queue.puts.length >= queue.recordsMax || queue.bytes >= batchBytesMax;
    while (!over.signal.aborted && !isFlushing() && !isFull()) {
      await queue.changed.next(over.signal).catch(() => undefined);
    }
    over.abort();
    ended.removeEventListener("abort", onEnd);
    await slept;
  }

  /**
   * Repeats a request, always the same, until there is an answer or nobody waits for one any more.
   * @returns undefined where there is none to be had: its puts are rejected or back in the queue.
   */
  async #send(
    request: PutRequest,
    queue: ShardQueue,
    stale: AbortController,
    signal: AbortSignal,
  ): Promise<PutResult[] | undefined> {
    const { api, stream, nameRequest, onFailure } = this.#options;
    const name = nameRequest();
    const entries = request.entries.map(({ entry }) => entry);
    const puts = request.entries.flatMap(({ puts }) => puts);
    let waiting: readonly QueuedPut[] = puts;
    for (let failures = 0; ; failures++) {
      try {
        return await api.putRecords(stream, entries, name, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ClientError)) throw error;
        onFailure(error, stream);
        if (error.code === "refused" && puts.length > 1) {
          queue.recordsMax = Math.ceil(puts.length / 2);
          queue.putBack(puts);
          return undefined;
        }
        if (error.code === "not-found") stale.abort();
        if (!error.retriable) for (const put of waiting) put.reject(error);
        else waiting = this.#withoutOverdue(waiting, error);
        if (!error.retriable || waiting.length === 0) return undefined;
        await this.#pause(error, failures, signal);
      }
    }
  }

  #judge(
    { entries }: PutRequest,
    results: readonly PutResult[],
    shardId: string,
  ): { readonly rejected: readonly QueuedPut[]; readonly isElsewhere: boolean } {
    const rejected: QueuedPut[] = [];
    const told = new Set<string>();
    let isElsewhere = false;
    for (const [i, { puts }] of entries.entries()) {
      const result = results[i];
      if (result === undefined) throw new TypeError("as many results as entries");
      if ("errorCode" in result) {
        const error = new ClientError(codeOfEntry(result.errorCode), `${result.errorCode}: ${result.message}`);
        if (!told.has(result.errorCode)) this.#options.onFailure(error, this.#options.stream);
        told.add(result.errorCode);
        if (error.retriable) for (const put of puts) rejected.push(put);
        else for (const put of puts) put.reject(error);
        continue;
      }
      const { sequenceNumber } = result;
      if (result.shardId !== shardId) isElsewhere = true;
      if (result.shardId !== shardId && puts.length > 1) {
        this.#misrouted.push({ ...result, puts });
        continue;
      }
      for (const [subSequenceNumber, put] of puts.entries()) {
        put.resolve({ shardId: result.shardId, sequenceNumber, subSequenceNumber });
      }
    }
    return { rejected, isElsewhere };
  }

  /** Those of an aggregate whose keys are not the shard's that took it count for nobody: they go again. */
  #settleMisrouted(shards: readonly Shard[]): void {
    for (const { shardId, sequenceNumber, puts } of this.#misrouted.splice(0)) {
      const range = shards.filter((shard) => shard.shardId === shardId);
      for (const [subSequenceNumber, put] of puts.entries()) {
        if (findByHashKey(range, put.hashKey) === undefined) this.#unrouted.push(put);
        else put.resolve({ shardId, sequenceNumber, subSequenceNumber });
      }
    }
    this.#unrouted.sort((a, b) => a.order - b.order);
  }

  /** @param failure of a request that they are in, and that may have been done. */
  #withoutOverdue(puts: readonly QueuedPut[], failure?: ClientError): QueuedPut[] {
    const nowMs = this.#options.clock.monotonicMs();
    const why = failure === undefined ? "" : `, and maybe stored: ${failure.message}`;
    return puts.filter(({ deadlineMs, reject }) => {
      if (nowMs < deadlineMs) return true;
      reject(new ClientError("timed-out", `not acknowledged in time${why}`, { cause: failure }));
      return false;
    });
  }

  async #pause({ code }: ClientError, failures: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    await clock.sleep(backoffMs(code, failures, random()), signal);
  }
}
