const WINDOW_MS = 5000;
const STEP_MS = 500;

/** Turns a counter that only rises into a rate over the last seconds. */
export class RateMeter {
  #samples: { readonly timeMs: number; readonly count: number }[] = [];

  /** Counts per second, or undefined until two samples lie half a second apart. */
  rate(count: number, nowMs: number): number | undefined {
    const last = this.#samples.at(-1);
    // A counter that fell counts something new, such as a stream made again under its old name.
    if (last !== undefined && (count < last.count || nowMs < last.timeMs)) this.#samples = [];
    this.#samples = this.#samples.filter(({ timeMs }) => nowMs - timeMs <= WINDOW_MS);
    if (last === undefined || this.#samples.length === 0 || nowMs - last.timeMs >= STEP_MS) {
      this.#samples.push({ timeMs: nowMs, count });
    }
    const [oldest] = this.#samples;
    if (oldest === undefined || nowMs - oldest.timeMs < STEP_MS) return undefined;
    return ((count - oldest.count) * 1000) / (nowMs - oldest.timeMs);
  }
}
