/** How much a camera's clock may lag behind the device's before its frames are moved. */
const DRIFT_MS_MAX = 50;
const WINDOW_MS = 60_000;
/**
 * A time code that is so far off its arrival begins a new time line: the camera set its clock. A network may hold frames
 * back for seconds, but brings none from the future.
 */
const LATE_MS_MAX = 10_000;
const EARLY_MS_MAX = 1_000;

/**
 * Puts a capture's time codes on the device's monotonic time. The camera's distances stand; where its time line begins
 * follows from the frame that came quickest: a frame can arrive late, but not before it was captured. Within a fragment
 * nothing moves; a drift between the clocks is taken up where one begins.
 */
export class CaptureTimeline {
  /** The device's time of time code 0. */
  #anchorMs: number;
  /** The least delay since the window began: what can be moved forward without a frame from the future. */
  #window: { readonly sinceMs: number; readonly delayMs: number };

  /** @param anchorMs the least of arrival minus time code of the frames so far. */
  constructor(anchorMs: number, nowMs: number) {
    this.#anchorMs = anchorMs;
    this.#window = { sinceMs: nowMs, delayMs: Number.POSITIVE_INFINITY };
  }

  /**
   * The device's monotonic time of a frame.
   * @param room how far before a time a fragment may begin, where the frame can begin one at that time.
   * @returns undefined where the time line broke: the next fragment begins another.
   */
  timeOf(timecodeMs: number, arrivedMs: number, room: (timeMs: number) => number | undefined): number | undefined {
    const delayMs = arrivedMs - this.#anchorMs - timecodeMs;
    if (delayMs > LATE_MS_MAX || delayMs < -EARLY_MS_MAX) {
      if (room(arrivedMs) === undefined) return undefined;
      this.#anchorMs += delayMs;
      this.#window = { sinceMs: arrivedMs, delayMs: 0 };
      return arrivedMs;
    }
    const { sinceMs } = this.#window;
    this.#window = { sinceMs, delayMs: Math.min(this.#window.delayMs, delayMs) };
    const roomMs = room(this.#anchorMs + timecodeMs);
    if (roomMs !== undefined) this.#move(arrivedMs, roomMs);
    return this.#anchorMs + timecodeMs;
  }

  #move(arrivedMs: number, roomMs: number): void {
    const { sinceMs, delayMs } = this.#window;
    const isWindowOver = arrivedMs - sinceMs >= WINDOW_MS;
    if (delayMs < 0) this.#anchorMs += Math.max(delayMs, -roomMs);
    else if (isWindowOver && delayMs > DRIFT_MS_MAX) this.#anchorMs += delayMs;
    else if (!isWindowOver) return;
    this.#window = { sinceMs: arrivedMs, delayMs: Number.POSITIVE_INFINITY };
  }
}
