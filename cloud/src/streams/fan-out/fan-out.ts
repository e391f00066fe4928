import { CloudError } from "../../cloud-error.js";
import type { Consumer } from "../consumers.js";
import { TokenBucket } from "../token-bucket.js";
import { SharedReads } from "./shared-reads.js";
import { Subscription, type SubscriptionStart } from "./subscription.js";
import type { EndCause, SubscriptionEnd } from "./subscription-end.js";

/** What a consumer may read of a shard. Source: Kinesis Data Streams quotas. */
const BYTES_PER_SECOND = 2 * 1024 * 1024;
/** How soon a consumer may subscribe to a shard again. Source: Kinesis API reference, SubscribeToShard. */
const AGAIN_AFTER_MS = 5_000;

export interface FanOutOptions {
  /** Whether to keep to AWS's limits. */
  readonly limited: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onEnd: (cause: EndCause) => void;
}

/** What is known of one consumer's subscriptions to one shard. */
interface Place {
  readonly consumer: Consumer;
  readonly bucket: TokenBucket | undefined;
  /** By performance.now(). */
  subscribedMs: number;
  current: Subscription | undefined;
}

/** Enhanced fan-out: the subscriptions of all registered consumers, one at most for each consumer and shard. */
export class FanOut {
  readonly #options: FanOutOptions;
  readonly #reads = new SharedReads();
  readonly #places = new Map<string, Place>();
  #open = 0;
  #isStopping = false;

  constructor(options: FanOutOptions) {
    this.#options = options;
  }

  /** Subscriptions that are open now. */
  get open(): number {
    return this.#open;
  }

  /**
   * Begins a subscription; one that the consumer has on the shard is over.
   * @throws {CloudError} `consumer-busy` where it subscribed less than 5 s ago; `server-stopping`.
   */
  subscribe(start: SubscriptionStart): Subscription {
    if (this.#isStopping) throw new CloudError("server-stopping", "The cloud is stopping.");
    const key = `${start.consumer.id} ${start.shard.logName}`;
    const place = this.#places.get(key) ?? this.#placeOf(start.consumer);
    const nowMs = performance.now();
    if (nowMs - place.subscribedMs < AGAIN_AFTER_MS) throw busy(start);
    place.current?.end({ cause: "taken-over", error: busy(start) });
    place.subscribedMs = nowMs;
    this.#places.set(key, place);
    const { now } = this.#options;
    const onEnd = ({ cause }: SubscriptionEnd): void => {
      this.#open -= 1;
      place.current = undefined;
      this.#forgetInTime(key, place);
      this.#options.onEnd(cause);
    };
    this.#open += 1;
    place.current = new Subscription(start, { reads: this.#reads, bucket: place.bucket, now, onEnd });
    return place.current;
  }

  /** Ends a consumer's subscriptions, who is not registered any more. */
  endConsumer({ id, arn }: Consumer): void {
    const error = new CloudError("consumer-not-found", `Consumer ${arn} was deregistered.`);
    for (const { consumer, current } of this.#places.values()) {
      if (consumer.id === id) current?.end({ cause: "consumer-deregistered", error });
    }
  }

  /** Ends all subscriptions as their time would, and takes no more. */
  stop(): void {
    this.#isStopping = true;
    for (const { current } of this.#places.values()) current?.end({ cause: "stopping" });
  }

  #placeOf(consumer: Consumer): Place {
    const bucket = this.#options.limited ? new TokenBucket(BYTES_PER_SECOND, performance.now()) : undefined;
    return { consumer, bucket, subscribedMs: Number.NEGATIVE_INFINITY, current: undefined };
  }

  /** Once the consumer may subscribe again, nothing needs to be known of it. */
  #forgetInTime(key: string, place: Place): void {
    const leftMs = place.subscribedMs + AGAIN_AFTER_MS - performance.now();
    if (leftMs > 0) setTimeout(() => this.#forgetInTime(key, place), Math.ceil(leftMs)).unref();
    else if (place.current === undefined && this.#places.get(key) === place) this.#places.delete(key);
  }
}

function busy({ consumer, stream, shard }: SubscriptionStart): CloudError {
  const account = consumer.streamArn.split(":")[4];
  return new CloudError(
    "consumer-busy",
    `Another active subscription exists for this consumer: ${account}:${stream.name}:${shard.shardId}:${consumer.name}`,
  );
}
