import type { StoredFrame } from "@headwater/log";
import { CloudError } from "../../cloud-error.js";
import type { Consumer } from "../consumers.js";
import type { ShardOwner } from "../shard-owner.js";
import type { StreamState } from "../stream-state.js";
import type { TokenBucket } from "../token-bucket.js";
import { firstUnexpired } from "../unexpired.js";
import type { SharedReads } from "./shared-reads.js";
import { endBy, type SubscriptionEnd } from "./subscription-end.js";

/** How long a subscription holds. Source: Kinesis API reference, SubscribeToShard. */
const HELD_MS = 5 * 60_000;
/** How long nothing is sent at most. Clients give a subscription up that is silent for longer: the KCL after 35 s. */
const SILENCE_MS_MAX = 5_000;

/** Who subscribes to what, and from where on. */
export interface SubscriptionStart {
  readonly consumer: Consumer;
  readonly stream: StreamState;
  readonly shard: ShardOwner;
  /** Of the first record to send. */
  readonly position: number;
}

/** What is sent at once. */
export interface Push {
  /** Shared with other subscriptions; none where only time has passed. */
  readonly frames: readonly StoredFrame[];
  /** Where to go on: the position behind the records. Undefined at the shard's end. */
  readonly next: number | undefined;
  readonly millisBehindLatest: number;
  /** At the shard's end: those that took over its keys. */
  readonly children?: readonly ShardOwner[];
}

export interface SubscriptionOptions {
  readonly reads: SharedReads;
  /** What the consumer may read of the shard; undefined without limits. Filled by performance.now(). */
  readonly bucket: TokenBucket | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onEnd: (end: SubscriptionEnd) => void;
}

/**
 * One consumer's subscription to one shard: records as they are committed, for as long as somebody takes them. It reads when
 * it is asked for more, so a slow reader lags and costs no memory.
 */
export class Subscription {
  readonly #start: SubscriptionStart;
  readonly #options: SubscriptionOptions;
  /** Aborted with its {@link SubscriptionEnd}. */
  readonly #over = new AbortController();
  readonly #expiry: NodeJS.Timeout;
  #position: number;
  /** Its wait at the shard's end, one for as long as nothing comes: a push needs no other signal than {@link over}. */
  #growing: Promise<void> | undefined;

  constructor(start: SubscriptionStart, options: SubscriptionOptions) {
    this.#start = start;
    this.#options = options;
    this.#position = start.position;
    this.#expiry = setTimeout(() => this.end({ cause: "expired" }), HELD_MS);
  }

  /** Aborts when it is over, whether or not its reader has asked for more. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Ends it, if it has not ended. Who reads it is told at once. */
  end(end: SubscriptionEnd): void {
    if (this.over.aborted) return;
    clearTimeout(this.#expiry);
    this.#over.abort(end);
    this.#options.onEnd(end);
  }

  /**
   * To be read once; whoever stops before its end has left.
   * @throws {CloudError} what the client is to be told: `consumer-busy`, `consumer-not-found`, `stream-not-found`,
   * `disk-failed`.
   */
  async *pushes(): AsyncGenerator<Push, void, undefined> {
    try {
      while (!this.over.aborted) {
        const push = await this.#next();
        if (push === undefined) continue;
        yield push;
        if (push.children !== undefined) this.end({ cause: "shard-ended" });
      }
    } catch (error) {
      this.end(endBy(error));
    } finally {
      this.end({ cause: "left" });
    }
    const { error } = this.over.reason as SubscriptionEnd;
    if (error !== undefined) throw error;
  }

  /** Undefined where it has to be asked again. */
  async #next(): Promise<Push | undefined> {
    const { stream, shard } = this.#start;
    if (!stream.isServing) throw new CloudError("stream-not-found", `Stream ${stream.name} is being deleted.`);
    const debtMs = this.#options.bucket?.debtMs(performance.now()) ?? 0;
    if (debtMs > 0) {
      await this.#pause(debtMs);
      return undefined;
    }
    const horizonMs = stream.horizonMs();
    if (shard.isExpired(horizonMs)) return this.#shardEnd();
    try {
      this.#position = await firstUnexpired(shard, this.#position, horizonMs);
      const isClosed = shard.closed !== undefined;
      if (this.#position < shard.bounds().next) return await this.#records();
      return isClosed ? this.#shardEnd() : await this.#growth();
    } catch (error) {
      // Its bytes may have gone just now, because nobody may read them any more.
      if (stream.isServing && shard.isExpired(stream.horizonMs())) return undefined;
      throw error;
    }
  }

  async #records(): Promise<Push | undefined> {
    const { shard } = this.#start;
    const { reads, bucket, now } = this.#options;
    const { frames, next } = await reads.read(shard, this.#position);
    this.#position = next;
    const last = frames.at(-1); // none where all of them were damaged
    if (last === undefined || this.over.aborted) return undefined;
    bucket?.take(frames.reduce((sum, { data }) => sum + data.length, 0));
    const isBehind = next < shard.bounds().next;
    return { frames, next, millisBehindLatest: isBehind ? Math.max(1, now() - last.arrivalMs) : 0 };
  }

  #shardEnd(): Push {
    const { stream, shard } = this.#start;
    return { frames: [], next: undefined, millisBehindLatest: 0, children: stream.childrenOf(shard) };
  }

  /** Waits for records; answers an empty push where none come for a while. */
  async #growth(): Promise<Push | undefined> {
    if (this.over.aborted) return undefined; // since it was asked last
    const growing = (this.#growing ??= this.#grown());
    return new Promise((resolve, reject) => {
      const silence = setTimeout(
        () => resolve({ frames: [], next: this.#position, millisBehindLatest: 0 }),
        SILENCE_MS_MAX,
      );
      const goOn = (): void => {
        clearTimeout(silence);
        resolve(undefined);
      };
      const fail = (error: unknown): void => {
        clearTimeout(silence);
        reject(error);
      };
      growing.then(goOn, fail);
    });
  }

  /** Also resolves when it is over. */
  async #grown(): Promise<void> {
    try {
      await this.#start.shard.grown(this.#position, this.over);
    } catch (error) {
      if (!this.over.aborted) throw error;
    } finally {
      this.#growing = undefined;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.over.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, Math.ceil(ms));
      this.over.addEventListener("abort", done);
    });
  }
}
