import { randomUUID } from "node:crypto";
import { HASH_KEY_MAX, hashPartitionKey, kinesisLimits } from "@headwater/protocol";
import { ByteBudget } from "../byte-budget.js";
import { ClientError } from "../client-error.js";
import { type Clock, systemClock } from "../clock.js";
import { type AwsConnection, AwsStreamApi } from "../kinesis/aws-stream-api.js";
import type { StreamApi } from "../kinesis/stream-api.js";
import { recordBytes } from "../record-bytes.js";
import { sharedController } from "../shared-controller.js";
import { unlessAborted } from "../unless-aborted.js";
import { Wake } from "../wake.js";
import type { PutAcknowledgement, QueuedPut } from "./queued-put.js";
import { StreamProducer } from "./stream-producer.js";

export interface ProducerOptions {
  /** For puts that name no other. */
  readonly stream?: string;
  /** Where Kinesis is; by default as any AWS client finds it. */
  readonly aws?: AwsConnection;
  /** 1 to 128 of `A-Z a-z 0-9 . _ -`; told to Headwater's cloud with each request. Default `client`. */
  readonly id?: string;
  /** Packs records of one shard into one, as the Kinesis Producer Library does. Readers have to unpack them. Default false. */
  readonly aggregate?: boolean;
  /** How long a record waits for others to go along. Default 5. */
  readonly lingerMs?: number;
  /** Default and at most 500; of an aggregate, as many as fit. */
  readonly batchRecordsMax?: number;
  /** Data and partition keys of a request. Default 1 MiB, what a shard takes in a second; at most 10 MiB. */
  readonly batchBytesMax?: number;
  /** Records that wait or are under way. Default 64 MiB. */
  readonly bufferBytesMax?: number;
  /** When that is full, puts `wait` (default), or fail with `buffer-full`. */
  readonly onFull?: "wait" | "reject";
  /** From the put on; then it fails with `timed-out`, and may have been stored. Default 120,000. */
  readonly deliverWithinMs?: number;
  /** A call failed, or entries of one, of which the first of each kind is told; it may be made again. */
  readonly report?: (event: { readonly error: ClientError; readonly stream: string }) => void;
}

export interface PutInput {
  readonly stream?: string;
  /** 1 to 256 characters. */
  readonly partitionKey: string;
  /** 0 to 2^128 - 1, in decimal; chooses the shard instead of the partition key. */
  readonly explicitHashKey?: string;
  /** Not to be changed before the put has settled. A text goes as UTF-8. */
  readonly data: Uint8Array | string;
}

/** What a producer works with: the real ones, or a test's. */
export interface ProducerParts {
  readonly api: StreamApi;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
}

const RECORD_BYTES_MAX = 10 * 1024 * 1024;
const AGGREGATED_RECORDS_MAX = 100_000;

/**
 * Puts records in batches, one request for each shard at a time, in the order of the calls per partition key, with repeats until each
 * is acknowledged. See docs/guide/consumers.md; what is promised is in docs/design/consumers.md.
 */
export class Producer {
  readonly #options: Required<Omit<ProducerOptions, "aws" | "stream">> & { readonly stream: string | undefined };
  readonly #parts: ProducerParts;
  readonly #budget: ByteBudget;
  readonly #spoolId = randomUUID();
  readonly #end = sharedController();
  readonly #streams = new Map<string, StreamProducer>();
  /** Puts that wait for memory, in the order of the calls. */
  readonly #waiting = new Map<QueuedPut, string>();
  readonly #roomy = new Wake();
  readonly #open = new Set<Promise<PutAcknowledgement>>();
  readonly #rejects = new Map<number, (error: ClientError) => void>();
  #request = 0;
  #order = 0;
  #flushes = 0;
  #isClosed = false;

  /** @throws {ClientError} `invalid-options`. */
  constructor(options: ProducerOptions = {}, parts?: ProducerParts) {
    const isAggregating = options.aggregate ?? false;
    this.#options = {
      stream: options.stream,
      id: options.id ?? "client",
      aggregate: isAggregating,
      lingerMs: options.lingerMs ?? 5,
      batchRecordsMax:
        options.batchRecordsMax ?? (isAggregating ? AGGREGATED_RECORDS_MAX : kinesisLimits.putRecordsEntriesMax),
      batchBytesMax: options.batchBytesMax ?? kinesisLimits.shardInBytesPerSecond,
      bufferBytesMax: options.bufferBytesMax ?? 64 * 1024 * 1024,
      onFull: options.onFull ?? "wait",
      deliverWithinMs: options.deliverWithinMs ?? 120_000,
      report: options.report ?? (() => undefined),
    };
    const problems = problemsOf(this.#options);
    if (problems.length > 0) throw new ClientError("invalid-options", problems.join("; "));
    this.#budget = new ByteBudget(this.#options.bufferBytesMax);
    this.#parts = parts ?? { api: new AwsStreamApi(options.aws ?? {}), clock: systemClock, random: Math.random };
  }

  /** Records that wait or are under way, in bytes. */
  get bufferedBytes(): number {
    return this.#budget.taken;
  }

  /**
   * Resolves once the record is acknowledged.
   * @throws {ClientError} `closed`, `too-large`, `buffer-full`, `invalid-options` (keys), `timed-out`, or what the service said.
   */
  put(input: PutInput): Promise<PutAcknowledgement> {
    const stored = new Promise<PutAcknowledgement>((resolve, reject) => this.#add(input, resolve, reject));
    this.#open.add(stored);
    const forget = (): void => void this.#open.delete(stored);
    stored.then(forget, forget);
    return stored;
  }

  /**
   * Resolves once no put waits for memory: who awaits this before each put, and not the puts, fills the memory and no more.
   * @throws the signal's reason once it is aborted; {@link ClientError} `closed` once the producer is.
   */
  async room(signal: AbortSignal = this.#end.signal): Promise<void> {
    while (this.#waiting.size > 0) await this.#roomy.next(signal);
    this.#end.signal.throwIfAborted();
  }

  /** Resolves once every put made so far has settled, either way. @throws the signal's reason once it is aborted. */
  async flush(signal: AbortSignal = this.#end.signal): Promise<void> {
    this.#flushes++;
    for (const stream of this.#streams.values()) stream.hurry();
    try {
      await unlessAborted(Promise.allSettled(this.#open), signal);
    } finally {
      this.#flushes--;
    }
  }

  /** Takes no more puts and flushes. @param signal gives up what is left: those puts fail with `closed`. */
  async close(signal?: AbortSignal): Promise<void> {
    this.#isClosed = true;
    try {
      await this.flush(signal);
    } finally {
      const error = new ClientError("closed", "the producer is closed");
      this.#end.abort(error);
      for (const reject of this.#rejects.values()) reject(error);
      this.#roomy.all();
      this.#parts.api.close();
    }
  }

  #add(input: PutInput, resolve: (done: PutAcknowledgement) => void, reject: (error: ClientError) => void): void {
    const { onFull, deliverWithinMs } = this.#options;
    const stream = input.stream ?? this.#options.stream;
    const data = typeof input.data === "string" ? Buffer.from(input.data) : input.data;
    const error = this.#isClosed
      ? new ClientError("closed", "the producer is closed")
      : problemOf({ ...input, stream, data }, this.#budget.bytesMax);
    if (error !== undefined || stream === undefined) {
      reject(error ?? new ClientError("invalid-options", "no stream is named"));
      return;
    }
    const bytes = recordBytes({ data, partitionKey: input.partitionKey });
    const order = this.#order++;
    // Once: a request may be answered after one of its puts was given up.
    const settle = (): void => {
      if (this.#rejects.delete(order)) this.#free(put);
    };
    const { partitionKey, explicitHashKey } = input;
    const put: QueuedPut = {
      order,
      partitionKey,
      explicitHashKey,
      hashKey: explicitHashKey === undefined ? hashPartitionKey(partitionKey) : BigInt(explicitHashKey),
      data,
      bytes,
      deadlineMs: this.#parts.clock.monotonicMs() + deliverWithinMs,
      resolve: (done) => {
        settle();
        resolve(done);
      },
      reject: (failure) => {
        settle();
        reject(failure);
      },
    };
    if (onFull === "reject" && (this.#waiting.size > 0 || this.#budget.taken + bytes > this.#budget.bytesMax)) {
      reject(new ClientError("buffer-full", `${this.#budget.taken} bytes wait already`));
      return;
    }
    this.#rejects.set(order, put.reject);
    this.#waiting.set(put, stream);
    this.#admit();
  }

  /** Lets in what there is memory for, in the order of the calls. */
  #admit(): void {
    for (const [put, stream] of this.#waiting) {
      if (!this.#budget.tryTake(put.bytes)) break;
      this.#waiting.delete(put);
      this.#stream(stream).add(put);
    }
    if (this.#waiting.size === 0) this.#roomy.all();
  }

  #free(put: QueuedPut): void {
    if (!this.#waiting.delete(put)) this.#budget.giveBack(put.bytes);
    if (!this.#end.signal.aborted) this.#admit();
  }

  #stream(name: string): StreamProducer {
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const { aggregate: isAggregating, lingerMs, batchRecordsMax, batchBytesMax, id, report } = this.#options;
    const stream = new StreamProducer({
      ...this.#parts,
      stream: name,
      isAggregating,
      lingerMs,
      batchRecordsMax,
      batchBytesMax,
      isFlushing: () => this.#flushes > 0,
      nameRequest: () => ({ producer: id, spoolId: this.#spoolId, request: this.#request++ }),
      onFailure: (error, stream) => report({ error, stream }),
    });
    this.#streams.set(name, stream);
    stream.run(this.#end.signal).catch((error: unknown) => {
      if (this.#end.signal.aborted) return;
      // A bug: nobody is to wait for ever because of it.
      const failure = new ClientError("failing", "the producer failed", { cause: error });
      this.#isClosed = true;
      for (const reject of this.#rejects.values()) reject(failure);
    });
    return stream;
  }
}

function problemsOf(options: {
  readonly id: string;
  readonly lingerMs: number;
  readonly batchRecordsMax: number;
  readonly batchBytesMax: number;
  readonly bufferBytesMax: number;
  readonly deliverWithinMs: number;
  readonly aggregate: boolean;
}): string[] {
  const problems: string[] = [];
  const within = (name: keyof typeof options, min: number, max: number): void => {
    const value = Number(options[name]);
    if (!(value >= min && value <= max)) problems.push(`${name} is ${value}, and must be ${min} to ${max}`);
  };
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(options.id)) problems.push(`id is ${JSON.stringify(options.id)}`);
  within("lingerMs", 0, 60_000);
  within("batchRecordsMax", 1, options.aggregate ? AGGREGATED_RECORDS_MAX : kinesisLimits.putRecordsEntriesMax);
  within("batchBytesMax", 1, kinesisLimits.putRecordsBytesMax);
  within("bufferBytesMax", 1024, Number.MAX_SAFE_INTEGER);
  within("deliverWithinMs", 1, Number.MAX_SAFE_INTEGER);
  return problems;
}

function problemOf(
  {
    stream,
    partitionKey,
    explicitHashKey,
    data,
  }: Omit<PutInput, "stream" | "data"> & { readonly stream: string | undefined; readonly data: Uint8Array },
  bytesMax: number,
): ClientError | undefined {
  if (stream === undefined || stream === "") return invalid("no stream is named");
  // Who writes JavaScript may give anything.
  if (typeof partitionKey !== "string") return invalid("a partition key that is no text");
  if (!(data instanceof Uint8Array)) return invalid("data that is neither bytes nor text");
  // Characters, not UTF-16 units.
  const characters = Array.from(partitionKey).length;
  if (characters < 1 || characters > kinesisLimits.partitionKeyCharactersMax) {
    return invalid(`a partition key of ${characters} characters, not 1 to 256`);
  }
  if (explicitHashKey !== undefined) {
    if (!/^(0|[1-9]\d{0,38})$/.test(explicitHashKey) || BigInt(explicitHashKey) > HASH_KEY_MAX) {
      return invalid(`${explicitHashKey} is no hash key`);
    }
  }
  if (data.length > RECORD_BYTES_MAX || recordBytes({ data, partitionKey }) > bytesMax) {
    return new ClientError("too-large", `a record of ${data.length} bytes`);
  }
  return undefined;
}

function invalid(message: string): ClientError {
  return new ClientError("invalid-options", message);
}
