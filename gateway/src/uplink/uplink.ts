import type { StreamSpool } from "../spool/stream-spool.js";
import { StreamUplink, type StreamUplinkOptions } from "./stream-uplink.js";

/** What is the same for all streams. */
export type UplinkOptions = Omit<StreamUplinkOptions, "stream" | "spool" | "limits">;

const MiB = 1024 * 1024;
/** A shard takes 1 MiB a second, so a larger request would be rejected in part; it also keeps the event loop free. */
const BATCH_BYTES_MAX = MiB;
/** Records in memory, of all streams; each gets an equal part, but enough for a request worth its sync. */
const WINDOW_BYTES_MAX = 64 * MiB;
const STREAM_WINDOW_BYTES_MIN = MiB / 4;
/** A shard that lags stops the others of its stream when they are this far ahead of it. */
const AHEAD_MAX = 100_000;

/** Forwards every stream of the spool. */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>[] = [];

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  /** Begins with a stream; once for each. */
  start(stream: string, spool: StreamSpool): void {
    const running = this.#running;
    const limits = {
      batchRecordsMax: 500,
      batchBytesMax: BATCH_BYTES_MAX,
      /** Shrinks with each stream that joins. */
      get windowBytesMax(): number {
        return Math.max(STREAM_WINDOW_BYTES_MIN, WINDOW_BYTES_MAX / Math.max(1, running.length));
      },
      aheadMax: AHEAD_MAX,
    };
    this.#running.push(new StreamUplink({ ...this.#options, stream, spool, limits }).run(this.#stopping.signal));
  }

  /** Gives up what is in flight: it is open in the journal and goes again at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the gateway stops"));
    await Promise.all(this.#running);
  }
}
