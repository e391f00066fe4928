import { ByteBudget } from "../byte-budget.js";
import { ClientError } from "../client-error.js";
import { type Clock, systemClock } from "../clock.js";
import { unpack } from "../consumer/consumer-record.js";
import { PAGE_BYTES_MAX, PollSource } from "../consumer/poll-source.js";
import { type AwsConnection, AwsStreamApi } from "../kinesis/aws-stream-api.js";
import type { RawRecord, Shard, StreamApi } from "../kinesis/stream-api.js";
import { Patience } from "../patience.js";
import { Producer } from "../producer/producer.js";
import { recordBytes } from "../record-bytes.js";
import { sharedController } from "../shared-controller.js";
import { unlessAborted } from "../unless-aborted.js";

export interface ReplayPlace {
  readonly stream: string;
  /** By default as any AWS client finds it. */
  readonly aws?: AwsConnection;
}

export interface ReplayOptions {
  readonly from: ReplayPlace;
  readonly to: ReplayPlace;
  /** Records that arrived at this time or later; milliseconds since 1970. */
  readonly startMs: number;
  /** And before this one. Default: now, at the call; a later time is taken for now. */
  readonly endMs?: number;
  /** Read and not acknowledged yet by the other stream. Default 64 MiB, at least 10. */
  readonly bufferBytesMax?: number;
  readonly signal?: AbortSignal;
  /** A call failed and is made again. */
  readonly report?: (error: ClientError) => void;
}

export interface Replayed {
  /** Put into the other stream and acknowledged. */
  readonly records: number;
  /** Their data. */
  readonly bytes: number;
}

/** What a replay works with: the real ones, or a test's. */
export interface ReplayParts {
  readonly from: StreamApi;
  readonly to: StreamApi;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
}

/** A service that is being started is waited for; an address where there is none has to show. */
const OPEN_MS = 60_000;
const OVER = new ClientError("closed", "the range is read");

/**
 * Puts the records of a time range into another stream, each key's in their order, under their partition keys; those of
 * aggregates one by one. They arrive as new records, with new times and sequence numbers. What is begun again after a failure is
 * put again.
 * @throws {ClientError} what will not pass by itself; the signal's reason once it is aborted.
 */
export async function replay(options: ReplayOptions, parts: ReplayParts = realParts(options)): Promise<Replayed> {
  const { clock, random } = parts;
  const { startMs, bufferBytesMax = 64 * 1024 * 1024, report = () => undefined } = options;
  const endMs = Math.min(options.endMs ?? Infinity, clock.wallMs());
  if (!(startMs < endMs)) throw new ClientError("invalid-options", "the range's start is not before its end, or now");
  if (!(bufferBytesMax >= PAGE_BYTES_MAX)) throw new ClientError("invalid-options", "bufferBytesMax is under 10 MiB");
  const end = sharedController();
  const onAbort = (): void => end.abort(options.signal?.reason);
  if (options.signal?.aborted === true) onAbort();
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const budget = new ByteBudget(bufferBytesMax);
  const { stream } = options.from;
  const source = new PollSource({ api: parts.from, stream, budget, clock, random, onFailure: report });
  const onProducerFailure = ({ error }: { readonly error: ClientError }): void => report(error);
  const producer = new Producer(
    { stream: options.to.stream, deliverWithinMs: Number.MAX_SAFE_INTEGER, bufferBytesMax, report: onProducerFailure },
    { api: parts.to, clock, random },
  );
  const run = new ReplayRun({ source, budget, producer, startMs, endMs, end });
  const patience = new Patience({ clock, random, onFailure: report });
  try {
    const list = (): Promise<Shard[]> => parts.from.listShards(stream, startMs, end.signal);
    return await run.run(await patience.with(list, end.signal, clock.monotonicMs() + OPEN_MS));
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
    end.abort(OVER);
    await producer.close(end.signal).catch(() => undefined);
    parts.from.close();
  }
}

interface ReplayRunOptions {
  readonly source: PollSource;
  readonly budget: ByteBudget;
  readonly producer: Producer;
  readonly startMs: number;
  readonly endMs: number;
  readonly end: AbortController;
}

class ReplayRun {
  readonly #options: ReplayRunOptions;
  readonly #puts = new Set<Promise<unknown>>();
  #records = 0;
  #bytes = 0;

  constructor(options: ReplayRunOptions) {
    this.#options = options;
  }

  /** All shards side by side, but each after its parents. */
  async run(shards: readonly Shard[]): Promise<Replayed> {
    const { end } = this.#options;
    const reads = new Map<string, Promise<void>>();
    // Parents have lower numbers.
    for (const shard of [...shards].sort((a, b) => (a.shardId < b.shardId ? -1 : 1))) {
      const parents = Promise.all(shard.parents.flatMap((parent) => reads.get(parent) ?? []));
      const read = parents.then(() => this.#readShard(shard));
      read.catch((error: unknown) => end.abort(error));
      reads.set(shard.shardId, read);
    }
    await Promise.allSettled(reads.values());
    await unlessAborted(Promise.allSettled(this.#puts), end.signal);
    return { records: this.#records, bytes: this.#bytes };
  }

  async #readShard(shard: Shard): Promise<void> {
    const { source, startMs, endMs, end } = this.#options;
    const over = new AbortController();
    const either = AbortSignal.any([end.signal, over.signal]);
    const sink = {
      bytesOf: (records: readonly RawRecord[]): number => sum(records.map(recordBytes)),
      offer: ({ records, behindMs }: { readonly records: readonly RawRecord[]; readonly behindMs: number }): number => {
        const wanted = records.filter(({ arrivedMs }) => arrivedMs < endMs);
        const bytes = sum(wanted.map((record) => this.#put(record, shard)));
        // Times do not fall within a shard, or hardly: one page more or less.
        const isPast = (records.at(-1)?.arrivedMs ?? 0) >= endMs;
        if (isPast || behindMs === 0) over.abort(OVER);
        return bytes;
      },
    };
    try {
      await source.read(shard.shardId, { type: "AT_TIMESTAMP", timestampMs: startMs }, sink, either);
    } catch (error) {
      if (error !== OVER || end.signal.aborted) throw error;
    }
  }

  /** @returns the memory that it takes until all of it is acknowledged, which was the reader's until now. */
  #put(raw: RawRecord, shard: Shard): number {
    const { producer, budget, end } = this.#options;
    const { records } = unpack(raw, shard.shardId, shard, { sequenceNumber: "TRIM_HORIZON", subSequenceNumber: 0 });
    const bytes = sum(records.map(recordBytes));
    const puts = records.map(async ({ partitionKey, explicitHashKey, data }) => {
      await producer.put({ partitionKey, data, ...(explicitHashKey === undefined ? {} : { explicitHashKey }) });
      this.#records++;
      this.#bytes += data.length;
    });
    const all = Promise.all(puts)
      .catch((error: unknown) => end.abort(error))
      .finally(() => {
        this.#puts.delete(all);
        budget.giveBack(bytes);
      });
    this.#puts.add(all);
    return bytes;
  }
}

function realParts({ from, to }: ReplayOptions): ReplayParts {
  return {
    from: new AwsStreamApi(from.aws ?? {}),
    to: new AwsStreamApi(to.aws ?? {}),
    clock: systemClock,
    random: Math.random,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
