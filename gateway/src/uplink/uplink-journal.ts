import { randomUUID } from "node:crypto";
import type { Log } from "@headwater/log";
import { SerialAppender } from "../spool/serial-appender.js";
import { decodeEvent, encodeEvent, type UplinkEvent } from "./uplink-event.js";
import { UplinkState } from "./uplink-state.js";

export const UPLINK_SHARD = "uplink";
/** Bytes of events after which the state is stored and the events before it are forgotten. */
const SNAPSHOT_BYTES = 2 * 1024 * 1024;

/** The uplink's events on disk, and the state that they add up to. */
export class UplinkJournal {
  readonly state: UplinkState;
  readonly #log: Log;
  readonly #appender: SerialAppender;
  readonly #onTrouble: (error: unknown) => void;
  #bytesSinceSnapshot = 0;

  private constructor(log: Log, state: UplinkState, onTrouble: (error: unknown) => void) {
    this.state = state;
    this.#log = log;
    this.#appender = new SerialAppender(log, UPLINK_SHARD);
    this.#onTrouble = onTrouble;
  }

  /** Reads what is there; a new spool gets its identity, which is durable before anything is sent under it. */
  static async open(log: Log, onTrouble: (error: unknown) => void): Promise<UplinkJournal> {
    const stored = await log.getState(UPLINK_SHARD);
    if (stored === undefined) {
      const gatewayId = `gateway-${randomUUID().slice(0, 8)}`;
      const state = new UplinkState({ spoolId: randomUUID(), gatewayId });
      await log.putState(UPLINK_SHARD, state.encode());
      return new UplinkJournal(log, state, onTrouble);
    }
    const state = UplinkState.decode(stored.state);
    const { next: end } = log.bounds(UPLINK_SHARD);
    for (let position = stored.position; position < end;) {
      const { frames, next } = await log.read(UPLINK_SHARD, position, { frames: 1000, bytes: 4 * 1024 * 1024 });
      for (const { data } of frames) state.replay(decodeEvent(data));
      position = next;
    }
    return new UplinkJournal(log, state, onTrouble);
  }

  /**
   * Writes events, in order and together. They are in {@link state} and on disk when this resolves.
   * @throws {LogError} None of them counts then.
   */
  async write(events: readonly UplinkEvent[]): Promise<void> {
    const frames = events.map((event) => ({ data: encodeEvent(event) }));
    const bytes = frames.reduce((sum, { data }) => sum + data.length, 0);
    await this.#appender.append(frames, bytes, () => {
      for (const event of events) this.state.apply(event);
    });
    this.#bytesSinceSnapshot += bytes;
    if (this.#bytesSinceSnapshot >= SNAPSHOT_BYTES) this.snapshot().catch(this.#onTrouble);
  }

  /** Stores the state and forgets the events that it covers. @throws {LogError} */
  async snapshot(): Promise<void> {
    this.#bytesSinceSnapshot = 0;
    let covered = 0;
    await this.#appender.putState(() => {
      covered = this.#log.bounds(UPLINK_SHARD).next;
      return this.state.encode();
    });
    await this.#log.trimBefore(UPLINK_SHARD, covered);
  }
}
