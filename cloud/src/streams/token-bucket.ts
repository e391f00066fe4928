/** Lets through so much a second, with one second's worth in hand at most. */
export class TokenBucket {
  #tokens: number;
  #filledMs: number;

  /** @param perSecond what flows in each second, and what the bucket holds. */
  constructor(
    readonly perSecond: number,
    nowMs: number,
  ) {
    this.#tokens = perSecond;
    this.#filledMs = nowMs;
  }

  /** Whether so many tokens are there now. */
  has(tokens: number, nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens >= tokens;
  }

  /** How long it takes until what was taken too much has flowed in; 0 where it has. */
  debtMs(nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, (-this.#tokens / this.perSecond) * 1000);
  }

  /** Takes tokens; may take more than there are, and is then in debt until they have flowed in. */
  take(tokens: number): void {
    this.#tokens -= tokens;
  }

  /** A clock set back starts the second anew instead of stopping the flow. */
  #fill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#filledMs);
    this.#tokens = Math.min(this.perSecond, this.#tokens + (elapsedMs / 1000) * this.perSecond);
    this.#filledMs = nowMs;
  }
}
