import { backoffMs } from "../backoff.js";
import type { ByteBudget } from "../byte-budget.js";
import { ClientError } from "../client-error.js";
import type { Clock } from "../clock.js";
import type { ReadFrom, StreamApi } from "../kinesis/stream-api.js";
import type { Patience } from "../patience.js";
import { mayPass } from "./may-pass.js";
import type { ShardSource, SourceSink } from "./shard-source.js";

export interface FanOutSourceOptions {
  readonly api: StreamApi;
  readonly stream: string;
  /** Of the consumer to register. */
  readonly name: string;
  readonly budget: ByteBudget;
  readonly patience: Patience;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly onFailure: (error: ClientError, shardId: string) => void;
}

/** Reads shards by SubscribeToShard, one subscription after the other. What has no room in memory is not taken off the connection. */
export class FanOutSource implements ShardSource {
  readonly #options: FanOutSourceOptions;
  #consumerArn = "";

  constructor(options: FanOutSourceOptions) {
    this.#options = options;
  }

  /** Registers the consumer. */
  async open(signal: AbortSignal): Promise<void> {
    const { api, stream, name } = this.#options;
    this.#consumerArn = await api.registerConsumer(stream, name, signal);
  }

  async read(shardId: string, from: ReadFrom, sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { api, clock, random, onFailure } = this.#options;
    let next = from;
    for (let failures = 0; ;) {
      const consumerArn = this.#consumerArn;
      let isEmpty = true;
      try {
        for await (const { continuation, ...page } of api.subscribe(consumerArn, shardId, next, signal)) {
          failures = 0;
          isEmpty = false;
          await this.#offer(page, sink, signal);
          if (continuation === undefined) return;
          next = { type: "AFTER_SEQUENCE_NUMBER", sequenceNumber: continuation };
        }
        if (isEmpty) throw new ClientError("unreachable", "the subscription ended before anything came");
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ClientError)) throw error;
        const isPassing = mayPass(error, next, clock.wallMs()) || (await this.#isOther(consumerArn, error, signal));
        if (!isPassing) throw error;
        onFailure(error, shardId);
        // Among them: another worker's subscription was made less than 5 s ago.
        await clock.sleep(backoffMs(error.code, failures++, random()), signal);
      }
    }
  }

  /** Whether the consumer itself was not found, since somebody had deregistered it; it is registered again. */
  async #isOther(consumerArn: string, { code }: ClientError, signal: AbortSignal): Promise<boolean> {
    if (code !== "not-found") return false;
    if (this.#consumerArn === consumerArn) await this.#options.patience.with(() => this.open(signal), signal);
    return this.#consumerArn !== consumerArn;
  }

  async #offer(page: Parameters<SourceSink["offer"]>[0], sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { budget } = this.#options;
    const bytes = Math.min(sink.bytesOf(page.records), budget.bytesMax);
    await budget.take(bytes, signal);
    budget.exchange(bytes, sink.offer(page));
  }
}
