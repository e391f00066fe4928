const MINUTE_MS = 60_000;

/** The most of what was noted in this minute and the one before. */
export class RecentMost {
  #minute = -Infinity;
  #most: number | undefined;
  #before: number | undefined;

  note(value: number, nowMs: number): void {
    this.#turn(nowMs);
    this.#most = Math.max(this.#most ?? value, value);
  }

  /** @returns undefined where nothing was noted lately. */
  at(nowMs: number): number | undefined {
    this.#turn(nowMs);
    if (this.#most === undefined || this.#before === undefined) return this.#most ?? this.#before;
    return Math.max(this.#most, this.#before);
  }

  #turn(nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS);
    // A clock that steps back goes on with the minute that it was.
    if (minute <= this.#minute) return;
    this.#before = minute === this.#minute + 1 ? this.#most : undefined;
    this.#most = undefined;
    this.#minute = minute;
  }
}
