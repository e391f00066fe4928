/**
 * Waits for what cannot be aborted itself, such as a credential provider; what it comes to later is nobody's.
 * @throws the signal's reason once it is aborted.
 */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    const leave = (): void => signal.removeEventListener("abort", onAbort);
    promise.finally(leave).then(resolve, reject);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}
