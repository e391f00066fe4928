import type { StreamSpool } from "../spool/stream-spool.js";
import { StreamForwarder, type StreamForwarderOptions } from "./stream-forwarder.js";

export type VideoUplinkOptions = Omit<StreamForwarderOptions, "stream" | "spool">;

/** Forwards every stream of the video spool. */
export class VideoUplink {
  readonly #options: VideoUplinkOptions;
  readonly #stopping = new AbortController();
  readonly #forwarders = new Map<string, { readonly forwarder: StreamForwarder; readonly running: Promise<void> }>();

  constructor(options: VideoUplinkOptions) {
    this.#options = options;
  }

  /** Begins with a stream; once for each. */
  start(stream: string, spool: StreamSpool): void {
    const forwarder = new StreamForwarder({ ...this.#options, stream, spool });
    this.#forwarders.set(stream, { forwarder, running: forwarder.run(this.#stopping.signal) });
  }

  /** Fragments of each stream that are not dealt with. */
  waiting(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#forwarders].map(([stream, { forwarder }]) => [stream, forwarder.waiting]));
  }

  /** Breaks off what is in flight: it is not noted as dealt with, and goes again at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the gateway stops"));
    await Promise.all([...this.#forwarders.values()].map(({ running }) => running));
  }
}
