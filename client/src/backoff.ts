import type { ClientErrorCode } from "./client-error.js";

const LONGEST_MS: Readonly<Partial<Record<ClientErrorCode, number>>> = { throttled: 2_000, "not-found": 5_000 };

/**
 * How long to wait after so many failures in a row: twice as long each time, up to a most that depends on the kind of failure,
 * less a random half, so that those who failed together do not come back together.
 * @param random 0 to 1.
 */
export function backoffMs(code: ClientErrorCode, failures: number, random: number): number {
  const most = LONGEST_MS[code] ?? 5_000;
  return Math.min(most, 100 * 2 ** Math.min(failures, 10)) * (1 - random / 2);
}
