/** Wakes everyone who waits; what they waited for they look at themselves. */
export class Condition {
  #waiting = new Set<() => void>();

  /** Resolves at the next {@link notify}, or when the signal aborts: whoever waits looks at the signal. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  notify(): void {
    for (const wake of this.#waiting) wake();
  }
}
