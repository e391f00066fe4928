import { TokenBucket } from "./token-bucket.js";

/** GetRecords calls a second, and bytes a second, that a shard serves. Source: Kinesis Data Streams quotas. */
const CALLS_PER_SECOND = 5;
const BYTES_PER_SECOND = 2 * 1024 * 1024;

/** AWS's read limits of a shard. A large answer puts the reader in debt: 10 MiB are followed by about 5 s of refusals. */
export class ReadLimiter {
  readonly #calls: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor(nowMs: number) {
    this.#calls = new TokenBucket(CALLS_PER_SECOND, nowMs);
    this.#bytes = new TokenBucket(BYTES_PER_SECOND, nowMs);
  }

  /** Whether another call may read now; counts it if so. */
  admit(nowMs: number): boolean {
    if (!this.#bytes.has(0, nowMs) || !this.#calls.has(1, nowMs)) return false;
    this.#calls.take(1);
    return true;
  }

  /** Notes what a call answered. */
  answered(bytes: number): void {
    this.#bytes.take(bytes);
  }
}
