import type { ServerResponse } from "node:http";
import type { ConsoleMetrics } from "./console-metrics.js";
import type { StateGatherer, StreamSource } from "./console-state.js";
import { EventClient, eventClientLimits } from "./event-client.js";
import { LiveTail } from "./live-tail.js";

/** Records go out ten times a second at most, the state once: it also tells the page that the cloud is alive. */
export const TICK_MS = 100;
const TICKS_PER_STATE = 10;
/** 30 s. A page that takes nothing for so long is gone or frozen; it would hold the place of one that looks. */
const STALLED_TICKS_MAX = 300;

export interface LiveOptions {
  readonly streams: StreamSource;
  readonly gatherer: StateGatherer;
  readonly clock: { now(): number };
  readonly clientsMax: number;
  readonly metrics: ConsoleMetrics;
  /** Hears of a stream that could not be read, once until it can be read again; each tick tries. */
  readonly readFailed: (streamName: string, error: unknown) => void;
}

interface Watched {
  readonly tail: LiveTail;
  readonly clients: Set<EventClient>;
  /** What a browser that comes later starts with: JSON texts, oldest first. */
  recent: readonly string[];
  isPolling: boolean;
  isFailing: boolean;
}

const RECENT_MAX = eventClientLimits.recordsMax;

/** The browsers that look on, and one tail for each stream that somebody looks at. Does nothing while nobody does. */
export class LiveConsole {
  readonly #options: LiveOptions;
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #ticks = 0;
  #clientCount = 0;
  #isClosing = false;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  get clients(): number {
    return this.#clientCount;
  }

  /** Whether there is no room for another page, or no time left. */
  get isFull(): boolean {
    return this.#isClosing || this.#clientCount >= this.#options.clientsMax;
  }

  /** Feeds the response, whose head is sent already, until it closes. */
  add(streamName: string, response: ServerResponse): void {
    const client = new EventClient(response, eventClientLimits);
    const watched = this.#watch(streamName);
    watched.clients.add(client);
    this.#clientCount++;
    client.offerState(this.#state());
    this.#offer(client, watched.recent, 0);
    client.flush();
    // Closing says all there is to know; without a listener the error would end the process.
    response.on("error", () => response.destroy());
    response.on("close", () => {
      watched.clients.delete(client);
      this.#clientCount--;
      if (watched.clients.size === 0 && this.#watched.get(streamName) === watched) this.#watched.delete(streamName);
      if (this.#clientCount === 0) this.#stopTimer();
    });
    this.#timer ??= setInterval(() => void this.tick(), TICK_MS);
  }

  /** Fetches what is new and hands it out. */
  async tick(): Promise<void> {
    this.#ticks++;
    const polls = [...this.#watched].map(([name, watched]) => this.#poll(name, watched));
    if (this.#ticks % TICKS_PER_STATE === 0) {
      const state = this.#state();
      for (const client of this.#everyone()) client.offerState(state);
    }
    await Promise.all(polls);
    for (const client of this.#everyone()) {
      client.flush();
      if (client.fullFlushes < STALLED_TICKS_MAX) continue;
      this.#options.metrics.stalledClients.inc();
      client.cut();
    }
  }

  close(): void {
    this.#isClosing = true;
    this.#stopTimer();
    for (const client of this.#everyone()) client.end();
  }

  #watch(streamName: string): Watched {
    let watched = this.#watched.get(streamName);
    if (watched === undefined) {
      const tail = new LiveTail(() => this.#options.streams.shardViews(streamName));
      watched = { tail, clients: new Set(), recent: [], isPolling: false, isFailing: false };
      this.#watched.set(streamName, watched);
    }
    return watched;
  }

  async #poll(streamName: string, watched: Watched): Promise<void> {
    // A disk that is slower than the ticks is asked once at a time.
    if (watched.isPolling) return;
    watched.isPolling = true;
    try {
      const { records, skipped } = await watched.tail.poll();
      watched.isFailing = false;
      if (records.length === 0 && skipped === 0) return;
      const texts = records.map((record) => JSON.stringify(record));
      watched.recent = [...watched.recent, ...texts].slice(-RECENT_MAX);
      for (const client of watched.clients) this.#offer(client, texts, skipped);
    } catch (error) {
      this.#options.metrics.readFailures.inc();
      if (!watched.isFailing) this.#options.readFailed(streamName, error);
      watched.isFailing = true;
    } finally {
      watched.isPolling = false;
    }
  }

  #offer(client: EventClient, records: readonly string[], skipped: number): void {
    this.#options.metrics.droppedRecords.inc(client.offerRecords(records, skipped));
  }

  #state(): string {
    return JSON.stringify(this.#options.gatherer.gather(this.#options.clock.now()));
  }

  *#everyone(): Iterable<EventClient> {
    for (const { clients } of this.#watched.values()) yield* clients;
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
