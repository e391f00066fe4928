import type { UpstreamErrorKind } from "./upstream.js";

/** How long to wait before the next try; each wait is twice as long as the one before, up to the most. */
export interface Backoff {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** After a call that failed. A call that is refused for good is not repeated. */
export const backoffs: Readonly<Record<Exclude<UpstreamErrorKind, "refused" | "forgotten">, Backoff>> = {
  throttled: { firstMs: 100, mostMs: 2_000 },
  unreachable: { firstMs: 100, mostMs: 5_000 },
  failing: { firstMs: 100, mostMs: 5_000 },
  "not-found": { firstMs: 250, mostMs: 5_000 },
  rejecting: { firstMs: 500, mostMs: 10_000 },
};

/**
 * @param attempt 0 for the first wait.
 * @param random 0 to 1; spreads those that failed together over half of the wait.
 */
export function delayMs({ firstMs, mostMs }: Backoff, attempt: number, random: number): number {
  return Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 20)) * (0.5 + random / 2);
}
