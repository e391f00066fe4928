import { unlessAborted } from "./unless-aborted.js";

/** Something that several may wait for has changed: all of them look again. */
export class Wake {
  readonly #waiting = new Set<() => void>();

  /** Whoever waits looks again. */
  all(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Until the next {@link all}. @throws the signal's reason once it is aborted. */
  async next(signal: AbortSignal): Promise<void> {
    let wake: (() => void) | undefined;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
      this.#waiting.add(resolve);
    });
    try {
      await unlessAborted(woken, signal);
    } finally {
      if (wake !== undefined) this.#waiting.delete(wake);
    }
  }
}
