import { Refusal } from "../gateway-error.js";
import type { Session } from "../listener/session.js";

export interface SpoolRoomOptions {
  readonly bytesMax: number;
  /** Bytes that the spool holds now. */
  readonly usedBytes: () => number;
  /** How long a message waits for room before its connection is ended. */
  readonly waitMs: number;
}

interface Waiting {
  readonly session: Session;
  readonly bytes: number;
  readonly grant: () => void;
  readonly refuse: (reason: Refusal) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Room in the spool, given in the order of asking. When there is none a message waits, which holds its connection's next
 * messages back too; after a while the connection is ended and the device keeps what was not acknowledged. Once there is
 * room, messages are taken again.
 */
export class SpoolRoom {
  readonly #options: SpoolRoomOptions;
  /** In the order of asking; a set, since thousands may wait and leave from anywhere. */
  readonly #waiting = new Set<Waiting>();
  /** Admitted and not settled yet. */
  #reservedBytes = 0;
  #isDiskLow = false;

  constructor(options: SpoolRoomOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#isDiskLow || this.#waiting.size > 0 || this.#options.usedBytes() >= this.#options.bytesMax;
  }

  /** Whether the disk itself has too little left; see {@link poke}. */
  setDiskLow(isLow: boolean): void {
    this.#isDiskLow = isLow;
  }

  /**
   * Calls `use` once there is room, at once or later, but never after a later request's.
   * @throws {Refusal} `spool-full`, or the session's own failure.
   */
  admit(session: Session, bytes: number, use: () => Promise<void>): Promise<void> {
    if (session.failure !== undefined) return Promise.reject(session.failure);
    if (this.#waiting.size === 0 && this.#hasRoom(bytes)) return this.#use(bytes, use);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        session,
        bytes,
        grant: () => resolve(this.#use(bytes, use)),
        refuse: reject,
        timer: setTimeout(() => this.#giveUp(waiting), this.#options.waitMs),
      };
      this.#waiting.add(waiting);
    });
  }

  /** There may be room again. */
  poke(): void {
    for (const next of this.#waiting) {
      const { failure } = next.session;
      if (failure === undefined && !this.#hasRoom(next.bytes)) return;
      this.#waiting.delete(next);
      clearTimeout(next.timer);
      if (failure === undefined) next.grant();
      else next.refuse(failure);
    }
  }

  /** Refuses all that wait. */
  close(): void {
    const refusal = new Refusal("stopping", "the gateway stops");
    for (const { session, timer, refuse } of this.#waiting) {
      clearTimeout(timer);
      session.fail(refusal);
      refuse(session.failure ?? refusal);
    }
    this.#waiting.clear();
  }

  async #use(bytes: number, use: () => Promise<void>): Promise<void> {
    this.#reservedBytes += bytes;
    try {
      await use();
    } finally {
      this.#reservedBytes -= bytes;
      this.poke();
    }
  }

  #giveUp(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    const refusal = new Refusal("spool-full", "the spool is full; the upstream does not take its records");
    waiting.session.fail(refusal);
    waiting.refuse(refusal);
    this.poke();
  }

  #hasRoom(bytes: number): boolean {
    return !this.#isDiskLow && this.#options.usedBytes() + this.#reservedBytes + bytes <= this.#options.bytesMax;
  }
}
