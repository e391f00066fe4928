import type { ServerResponse } from "node:http";

export interface EventClientLimits {
  /** Records that wait for a slow browser, and the bytes of their JSON; beyond that the oldest are dropped. */
  readonly recordsMax: number;
  readonly recordBytesMax: number;
}

export const eventClientLimits: EventClientLimits = { recordsMax: 300, recordBytesMax: 512 * 1024 };

/**
 * One browser that listens by Server-Sent Events. It never holds more than its limits: records wait in a bounded
 * buffer that drops its oldest, of the state only the newest waits, and nothing is written while the socket is full.
 * @see HTML Living Standard, "Server-sent events"
 */
export class EventClient {
  readonly #response: ServerResponse;
  readonly #limits: EventClientLimits;
  #records: string[] = [];
  #recordBytes = 0;
  #notShown = 0;
  #state: string | undefined;
  #isFull = false;
  #fullFlushes = 0;

  constructor(response: ServerResponse, limits: EventClientLimits) {
    this.#response = response;
    this.#limits = limits;
    response.on("drain", () => {
      this.#isFull = false;
      this.#fullFlushes = 0;
    });
  }

  /** How many flushes in a row found that the browser had not taken what was written before. */
  get fullFlushes(): number {
    return this.#fullFlushes;
  }

  /**
   * @param records JSON texts, oldest first. @param skipped records that were passed over before this client.
   * @returns how many it dropped.
   */
  offerRecords(records: readonly string[], skipped: number): number {
    this.#notShown += skipped;
    for (const record of records) {
      this.#records.push(record);
      this.#recordBytes += Buffer.byteLength(record);
    }
    const { recordsMax, recordBytesMax } = this.#limits;
    let drop = Math.max(0, this.#records.length - recordsMax);
    let bytes = this.#recordBytes;
    for (const [i, record] of this.#records.entries()) {
      if (i >= drop && bytes <= recordBytesMax) break;
      drop = Math.max(drop, i + 1);
      bytes -= Buffer.byteLength(record);
    }
    if (drop === 0) return 0;
    this.#records.splice(0, drop);
    this.#recordBytes = bytes;
    this.#notShown += drop;
    return drop;
  }

  /** @param state JSON text; takes the place of one that still waits. */
  offerState(state: string): void {
    this.#state = state;
  }

  /** Writes what waits, unless the browser has not taken what was written before. */
  flush(): void {
    if (this.#isFull) {
      this.#fullFlushes++;
      return;
    }
    let text = "";
    if (this.#state !== undefined) text += `event: state\ndata: ${this.#state}\n\n`;
    if (this.#records.length > 0 || this.#notShown > 0) {
      text += `event: records\ndata: {"notShown":${this.#notShown},"records":[${this.#records.join(",")}]}\n\n`;
    }
    if (text === "") return;
    this.#state = undefined;
    this.#records = [];
    this.#recordBytes = 0;
    this.#notShown = 0;
    this.#isFull = !this.#response.write(text);
  }

  end(): void {
    this.#response.end();
  }

  /** Ends it without waiting for what the browser has not taken. */
  cut(): void {
    this.#response.destroy();
  }
}
