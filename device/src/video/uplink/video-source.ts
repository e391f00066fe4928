import { lanes } from "@headwater/protocol";
import type { CaptureClock } from "../../clock/capture-clock.js";
import type { Condition } from "../../condition.js";
import type { Envelope } from "../../spool/envelope-reader.js";
import type { RecordSource } from "../../uplink/uplink.js";
import { encodeMessage, type StoredPiece } from "../archive/stored-piece.js";
import type { UploadCursor } from "../archive/upload-cursor.js";

/** A piece that has its place among the messages. */
interface Assigned {
  readonly cursor: UploadCursor;
  readonly lane: number;
  readonly stored: StoredPiece;
  /** Once its time stands. */
  payload?: Buffer;
}

/** Backfill on its way to the gateway: what a live piece may have to wait behind. */
export const BACKFILL_IN_FLIGHT_BYTES_MAX = 512 * 1024;

/**
 * What all cameras have for the gateway, as one sequence of messages: live pieces first, the cameras by turns, and
 * backfill where no live piece waits. The uplink's positions count messages. What is not acknowledged when a connection
 * ends goes again on the next as the same bytes, so its lane and its time stay as they were.
 */
export class VideoSource implements RecordSource {
  readonly #cursors: readonly UploadCursor[];
  readonly #captureClock: CaptureClock;
  readonly #changed: Condition;
  /** Messages not acknowledged, the first of which has position {@link first}. */
  #assigned: Assigned[] = [];
  #first = 0;
  #turn = 0;

  /** @param changed is notified when an archive has grown. */
  constructor(cursors: readonly UploadCursor[], captureClock: CaptureClock, changed: Condition) {
    this.#cursors = cursors;
    this.#captureClock = captureClock;
    this.#changed = changed;
  }

  get first(): number {
    return this.#first;
  }

  /** Called with rising positions, and after a connection has ended from {@link first} again. @throws {LogError} */
  async next(position: number, signal: AbortSignal): Promise<Envelope | undefined> {
    const message = this.#assigned[position - this.#first] ?? (await this.#assign(signal));
    if (message === undefined) return undefined;
    if (message.payload === undefined) {
      // Invariant 4 of docs/design/video.md: a time is durable before it is sent.
      const [time] = await this.#captureClock.timesToSend([message.stored.capture], signal);
      if (signal.aborted) return undefined;
      message.payload = encodeMessage(message.stored, message.lane, time);
    }
    return { payload: message.payload, records: 1, next: position + 1 };
  }

  release(position: number): void {
    const acknowledged = this.#assigned.splice(0, position - this.#first);
    this.#first = position;
    for (const { cursor, lane, stored } of acknowledged) cursor.acknowledge(stored.position, lane);
    this.#changed.notify();
  }

  async #assign(signal: AbortSignal): Promise<Assigned | undefined> {
    while (!signal.aborted) {
      const message = (await this.#nextLive()) ?? (await this.#nextBackfill());
      if (message !== undefined) {
        this.#assigned.push(message);
        return message;
      }
      const isThere = this.#cursors.some((cursor) => cursor.hasLive || (cursor.hasBackfill && this.#mayBackfill));
      if (!isThere) await this.#changed.wait(signal);
    }
    return undefined;
  }

  async #nextLive(): Promise<Assigned | undefined> {
    for (const cursor of this.#byTurns()) {
      const stored = cursor.hasLive ? await cursor.nextLive() : undefined;
      if (stored !== undefined) return { cursor, lane: lanes.videoLive, stored };
    }
    return undefined;
  }

  async #nextBackfill(): Promise<Assigned | undefined> {
    if (!this.#mayBackfill) return undefined;
    for (const cursor of this.#byTurns()) {
      const stored = cursor.hasBackfill ? await cursor.nextBackfill() : undefined;
      if (stored !== undefined) return { cursor, lane: lanes.videoBackfill, stored };
    }
    return undefined;
  }

  get #mayBackfill(): boolean {
    const inFlight = this.#assigned.filter(({ lane }) => lane === lanes.videoBackfill);
    return inFlight.reduce((sum, { payload }) => sum + (payload?.length ?? 0), 0) < BACKFILL_IN_FLIGHT_BYTES_MAX;
  }

  #byTurns(): readonly UploadCursor[] {
    this.#turn = (this.#turn + 1) % this.#cursors.length;
    return [...this.#cursors.slice(this.#turn), ...this.#cursors.slice(0, this.#turn)];
  }
}
