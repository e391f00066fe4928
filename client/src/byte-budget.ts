import { unlessAborted } from "./unless-aborted.js";

interface Waiting {
  readonly bytes: number;
  readonly grant: () => void;
}

/** So many bytes of memory, shared by many; who has to wait is served in turn. */
export class ByteBudget {
  readonly bytesMax: number;
  #taken = 0;
  readonly #waiting: Waiting[] = [];

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Takes them if nobody has to wait for it. */
  tryTake(bytes: number): boolean {
    if (this.#waiting.length > 0 || this.#taken + bytes > this.bytesMax) return false;
    this.#taken += bytes;
    return true;
  }

  /** @param bytes at most {@link bytesMax}. @throws the signal's reason once it is aborted. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.tryTake(bytes)) return;
    let waiting: Waiting | undefined;
    const granted = new Promise<void>((resolve) => {
      waiting = { bytes, grant: resolve };
      this.#waiting.push(waiting);
    });
    try {
      await unlessAborted(granted, signal);
    } catch (error) {
      const at = this.#waiting.findIndex((one) => one === waiting);
      if (at >= 0) this.#waiting.splice(at, 1);
      // Granted and aborted in one turn.
      else this.#taken -= bytes;
      this.#serve();
      throw error;
    }
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
    this.#serve();
  }

  /** What turned out to be another size than was taken for it. */
  exchange(takenBytes: number, bytes: number): void {
    this.giveBack(takenBytes - bytes);
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#taken + next.bytes > this.bytesMax) return;
      this.#taken += next.bytes;
      this.#waiting.shift();
      next.grant();
    }
  }
}
