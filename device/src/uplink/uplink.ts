import { LogError } from "@headwater/log";
import { type DeviceStatus, statusTopic } from "@headwater/protocol";
import type { DeviceClock } from "../clock/device-clock.js";
import { Condition } from "../condition.js";
import { Counts } from "../counts.js";
import type { Report } from "../report.js";
import type { Envelope } from "../spool/envelope-reader.js";
import { Backoff } from "./backoff.js";
import {
  type Connect,
  type ConnectionEnd,
  ConnectionError,
  type ConnectionFault,
  type GatewayConnection,
} from "./gateway-connection.js";
import { SendWindow } from "./send-window.js";

/** Where records come from, and where their acknowledgement goes. */
export interface RecordSource {
  readonly first: number;
  next(position: number, signal: AbortSignal): Promise<Envelope | undefined>;
  release(position: number): void;
}

export interface UplinkOptions {
  readonly device: string;
  /** Where the source's messages go. */
  readonly topic: string;
  readonly source: RecordSource;
  readonly connect: Connect;
  readonly clock: DeviceClock;
  /** 0 up to, not including, 1. */
  readonly random: () => number;
  /** What the gateway is told every few seconds, where it is told. */
  readonly status?: () => DeviceStatus;
  readonly report: Report;
}

export interface UplinkState {
  readonly connected: boolean;
  /** Connections made since the start, and why connections ended or could not be made. */
  readonly connections: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Records sent since the start, repeats included, and records that the gateway acknowledged. */
  readonly sentRecords: number;
  readonly acknowledgedRecords: number;
  /** Bytes sent and not acknowledged, and how many there may be now. */
  readonly inFlightBytes: number;
  readonly windowBytes: number;
}

/** A gateway that takes nothing for this long, while something is under way, is connected anew. */
export const PUBLISH_TIMEOUT_MS = 60_000;
/** A large message on a thin link gets more time: it may take as long as at this rate. */
const SLOWEST_BYTES_PER_MS = 4;
const STATUS_EVERY_MS = 5_000;
const WATCH_EVERY_MS = 1_000;
/** A connection that lasted so long was good, even if nothing was sent. */
const GOOD_CONNECTION_MS = 30_000;

interface Message {
  readonly next: number;
  readonly records: number;
  readonly bytes: number;
  isAcknowledged: boolean;
}

/**
 * Sends the spool's records to the gateway, oldest first, and releases what it acknowledges. Whatever breaks, the next
 * connection begins at the first unacknowledged record; the gateway recognises repeats by their sequences.
 */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #window = new SendWindow();
  readonly #backoff: Backoff;
  readonly #acknowledged = new Condition();
  readonly #faults = new Counts<ConnectionFault>();
  #inFlight: Message[] = [];
  #progressMs = 0;
  #connected = false;
  #connections = 0;
  #sentRecords = 0;
  #acknowledgedRecords = 0;
  #lastFault: ConnectionFault | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
  }

  state(): UplinkState {
    return {
      connected: this.#connected,
      connections: this.#connections,
      faults: this.#faults.toObject(),
      sentRecords: this.#sentRecords,
      acknowledgedRecords: this.#acknowledgedRecords,
      inFlightBytes: this.#window.bytes,
      windowBytes: this.#window.bytesLimit,
    };
  }

  /** Connects and sends until the signal aborts; whatever goes wrong is counted, reported and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let end: ConnectionEnd;
      try {
        end = await this.#serve(await this.#options.connect(signal), signal);
      } catch (cause) {
        end = asEnd(cause);
      }
      if (signal.aborted) return;
      this.#faults.add(end.fault);
      // The same fault over and over is told once.
      if (end.fault !== this.#lastFault) this.#report(end);
      this.#lastFault = end.fault;
      await this.#options.clock.sleep(this.#backoff.nextMs(), signal);
    }
  }

  async #serve(connection: GatewayConnection, outer: AbortSignal): Promise<ConnectionEnd> {
    const { clock } = this.#options;
    const session = new AbortController();
    const abort = (): void => session.abort();
    outer.addEventListener("abort", abort, { once: true });
    if (outer.aborted) abort();
    this.#connected = true;
    this.#connections++;
    const sinceMs = clock.monotonicMs();
    const ends = [
      connection.over,
      this.#send(connection, session.signal),
      this.#watchProgress(session.signal),
      this.#tellStatus(connection, session.signal),
    ];
    try {
      return await Promise.race(ends);
    } finally {
      this.#connected = false;
      outer.removeEventListener("abort", abort);
      session.abort();
      connection.close();
      await Promise.allSettled(ends);
      if (clock.monotonicMs() - sinceMs >= GOOD_CONNECTION_MS) this.#backoff.reset();
      this.#inFlight = [];
      this.#window.reset();
    }
  }

  async #send(connection: GatewayConnection, signal: AbortSignal): Promise<ConnectionEnd> {
    const { clock, source, topic } = this.#options;
    let position = source.first;
    while (!signal.aborted) {
      const envelope = await source.next(position, signal);
      if (envelope === undefined) break;
      const { next, payload, records } = envelope;
      while (!signal.aborted && !this.#window.hasRoom(payload.length)) await this.#acknowledged.wait(signal);
      if (signal.aborted) break;
      position = next;
      const message = { next, records, bytes: payload.length, isAcknowledged: false };
      const nowMs = clock.monotonicMs();
      if (this.#inFlight.length === 0) this.#progressMs = nowMs;
      this.#inFlight.push(message);
      this.#window.sent(message.bytes, nowMs);
      this.#sentRecords += records;
      connection.publish(topic, payload, () => {
        if (!signal.aborted) this.#take(message);
      });
    }
    return stopped;
  }

  /** Takes an acknowledgement. Only what has no unacknowledged message before it is released. */
  #take(message: Message): void {
    message.isAcknowledged = true;
    const nowMs = this.#options.clock.monotonicMs();
    this.#window.acknowledged(message.bytes, nowMs);
    this.#progressMs = nowMs;
    this.#backoff.reset();
    if (this.#lastFault !== undefined) {
      this.#options.report({ level: "info", message: "the gateway takes records again", after: this.#lastFault });
      this.#lastFault = undefined;
    }
    for (let first = this.#inFlight[0]; first?.isAcknowledged; first = this.#inFlight[0]) {
      this.#inFlight.shift();
      this.#acknowledgedRecords += first.records;
      this.#options.source.release(first.next);
    }
    this.#acknowledged.notify();
  }

  async #watchProgress(signal: AbortSignal): Promise<ConnectionEnd> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(WATCH_EVERY_MS, signal);
      const [oldest] = this.#inFlight;
      if (oldest === undefined) continue;
      const waitedMs = clock.monotonicMs() - this.#progressMs;
      if (waitedMs > PUBLISH_TIMEOUT_MS + oldest.bytes / SLOWEST_BYTES_PER_MS) {
        const message = `the gateway has acknowledged nothing for ${Math.round(waitedMs)} ms`;
        return { fault: "publish-timeout", message };
      }
    }
    return stopped;
  }

  async #tellStatus(connection: GatewayConnection, signal: AbortSignal): Promise<ConnectionEnd> {
    const { clock, device, status } = this.#options;
    while (!signal.aborted) {
      if (status !== undefined) connection.tell(statusTopic(device), JSON.stringify(status()));
      await clock.sleep(STATUS_EVERY_MS, signal);
    }
    return stopped;
  }

  #report({ fault, message }: ConnectionEnd): void {
    const level = fault === "unexpected" ? "error" : "warn";
    this.#options.report({ level, message: `the gateway is out of reach: ${message}`, fault });
  }
}

/** How a connection ends that nobody reports, since the device itself stops. */
const stopped: ConnectionEnd = { fault: "closed", message: "the device stops" };

function asEnd(cause: unknown): ConnectionEnd {
  if (cause instanceof ConnectionError) return { fault: cause.fault, message: cause.message };
  if (cause instanceof LogError) return { fault: "spool-unreadable", message: cause.message };
  // A bug; the uplink of an unattended device goes on all the same.
  return { fault: "unexpected", message: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) };
}
