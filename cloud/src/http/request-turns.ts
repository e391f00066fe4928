/** A request's first steps, until it waits for something, take up to a third of a millisecond. */
const PER_TURN = 64;
/** Once so few are left, the next turn is waited for. Earlier it need not be known: most turns begin one or two. */
const FEW_LEFT = PER_TURN / 2;

/**
 * Lets requests begin, so many in a turn of the event loop, and one of each connection after the other: who sends a
 * thousand in one piece, and perhaps resets them all, takes no more time from others than these few do.
 */
export class RequestTurns {
  /** What waits for a later turn, by connection; the connection whose turn is next first. */
  readonly #waiting = new Map<object, (() => void)[]>();
  #left = PER_TURN;
  #isTurnOver = true;

  /** Calls `start`: now, or where this turn has had its share, in a later one. */
  begin(connection: object, start: () => void): void {
    if (this.#left <= FEW_LEFT) this.#endTurnLater();
    if (this.#left > 0 && this.#waiting.size === 0) {
      this.#left -= 1;
      start();
      return;
    }
    const others = this.#waiting.get(connection);
    if (others === undefined) this.#waiting.set(connection, [start]);
    else others.push(start);
  }

  #endTurnLater(): void {
    if (!this.#isTurnOver) return;
    this.#isTurnOver = false;
    setImmediate(() => {
      this.#isTurnOver = true;
      this.#left = PER_TURN;
      this.#startWaiting();
    });
  }

  #startWaiting(): void {
    for (const [connection, starts] of this.#waiting) {
      if (this.#left === 0) return this.#endTurnLater();
      const start = starts.shift();
      this.#waiting.delete(connection);
      if (starts.length > 0) this.#waiting.set(connection, starts); // at the end, where this loop comes by again
      this.#left -= 1;
      start?.();
    }
  }
}
