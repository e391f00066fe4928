import type { ClientError } from "../client-error.js";
import type { ReadFrom } from "../kinesis/stream-api.js";

/** So far apart may this machine's clock and the service's be. */
const CLOCKS_DIFFER_MS = 5 * 60_000;

/** Whether a reading that failed may do when it is tried again. */
export function mayPass(error: ClientError, from: ReadFrom, nowMs: number): boolean {
  if (error.retriable || error.code === "iterator-expired") return true;
  // A time that lies in the future by the service's clock is refused until it does not.
  const isYoung = from.type === "AT_TIMESTAMP" && nowMs - from.timestampMs < CLOCKS_DIFFER_MS;
  return error.code === "refused" && isYoung;
}
