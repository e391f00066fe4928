import { backoffMs } from "../backoff.js";
import type { ByteBudget } from "../byte-budget.js";
import { ClientError } from "../client-error.js";
import type { Clock } from "../clock.js";
import type { ReadFrom, StreamApi } from "../kinesis/stream-api.js";
import { mayPass } from "./may-pass.js";
import type { ShardSource, SourceSink } from "./shard-source.js";

export interface FanOutSourceOptions {
  readonly api: StreamApi;
  readonly consumerArn: string;
  readonly budget: ByteBudget;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly onFailure: (error: ClientError, shardId: string) => void;
}

/** Reads shards by SubscribeToShard, one subscription after the other. What has no room in memory is not taken off the connection. */
export class FanOutSource implements ShardSource {
  readonly #options: FanOutSourceOptions;

  constructor(options: FanOutSourceOptions) {
    this.#options = options;
  }

  async read(shardId: string, from: ReadFrom, sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { api, consumerArn, clock, random, onFailure } = this.#options;
    let next = from;
    for (let failures = 0; ;) {
      try {
        for await (const { continuation, ...page } of api.subscribe(consumerArn, shardId, next, signal)) {
          failures = 0;
          await this.#offer(page, sink, signal);
          if (continuation === undefined) return;
          next = { type: "AFTER_SEQUENCE_NUMBER", sequenceNumber: continuation };
        }
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ClientError) || !mayPass(error, next, clock.wallMs())) throw error;
        onFailure(error, shardId);
        // Among them: another worker's subscription was made less than 5 s ago.
        await clock.sleep(backoffMs(error.code, failures++, random()), signal);
      }
    }
  }

  async #offer(page: Parameters<SourceSink["offer"]>[0], sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { budget } = this.#options;
    const bytes = Math.min(sink.bytesOf(page.records), budget.bytesMax);
    await budget.take(bytes, signal);
    budget.exchange(bytes, sink.offer(page));
  }
}
