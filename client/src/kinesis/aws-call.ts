import { ClientError } from "../client-error.js";
import { unlessAborted } from "../unless-aborted.js";
import { toClientError } from "./to-client-error.js";

/**
 * One call of the AWS SDK, which ends when the signal is aborted and after `answerMs` in any case.
 * @throws {ClientError}; the signal's reason once it is aborted.
 */
export async function awsCall<T>(
  signal: AbortSignal,
  send: (signal: AbortSignal) => Promise<T>,
  answerMs: number,
): Promise<T> {
  // Not AbortSignal.any and timeout: the one leaves something behind with each call, the other keeps all of the call
  // until the time is over.
  const call = new AbortController();
  const onAbort = (): void => call.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(
    () => call.abort(new ClientError("unreachable", `no answer within ${answerMs} ms`)),
    answerMs,
  );
  try {
    // The SDK hears an abort only once it has credentials.
    return await unlessAborted(send(call.signal), call.signal);
  } catch (error) {
    call.signal.throwIfAborted();
    throw toClientError(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
