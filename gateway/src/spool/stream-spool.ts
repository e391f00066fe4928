import { LogError, type Frame, type Log } from "@headwater/log";
import { Refusal, type RefusalCode } from "../gateway-error.js";
import type { Session } from "../listener/session.js";
import { SerialAppender } from "./serial-appender.js";
import { Watermarks, type Lane } from "./watermarks.js";

/** A message, or a part of one, as it is to lie in the spool. */
export interface SpoolItem {
  readonly data: readonly Uint8Array[];
  /** What it counts, in bytes. */
  readonly bytes: number;
}

/** One from a device, in the order that its lane gives it. */
export interface SequencedItem extends SpoolItem {
  readonly sequence: number;
}

export interface StreamSpoolOptions {
  readonly log: Log;
  readonly shard: string;
  /** Payload bytes appended after which the watermarks are stored, which bounds what a start must read. */
  readonly snapshotBytes: number;
  /** Bytes released after which the shard is trimmed. */
  readonly trimBytes: number;
  readonly lanesMax: number;
  readonly onCommitted: (count: { readonly records: number; readonly bytes: number }) => void;
  readonly onForgotten: (lanes: number) => void;
  /** For what goes wrong beside the appends: storing the watermarks, trimming. */
  readonly onTrouble: (error: unknown) => void;
}

const READ_LIMITS = { frames: 1000, bytes: 4 * 1024 * 1024 };

/**
 * What waits of one stream for the upstream, records or video: one shard of the log, its watermarks, and how far it is
 * released.
 */
export class StreamSpool {
  readonly #options: StreamSpoolOptions;
  readonly #appender: SerialAppender;
  readonly #watermarks: Watermarks;
  #bytesSinceSnapshot = 0;
  #released = 0;
  #releasedBytes = 0;
  /** The trim that runs, so that there is one at a time. */
  #trimming: Promise<void> | undefined;

  private constructor(options: StreamSpoolOptions) {
    this.#options = options;
    this.#appender = new SerialAppender(options.log, options.shard);
    this.#watermarks = new Watermarks(options.lanesMax, options.onForgotten);
  }

  /** Derives the watermarks from the last snapshot and the frames after it. */
  static async open(options: StreamSpoolOptions): Promise<StreamSpool> {
    const spool = new StreamSpool(options);
    const { log, shard } = options;
    const state = await log.getState(shard);
    if (state !== undefined) spool.#watermarks.restore(state.state);
    for (let position = state?.position ?? 0; position < log.bounds(shard).next;) {
      const { frames, next } = await log.read(shard, position, READ_LIMITS);
      for (const { origin } of frames) {
        if (origin === undefined) continue;
        const lane = { device: origin.producer, spoolId: origin.spoolId, lane: origin.entry };
        spool.#watermarks.committed(lane, origin.request);
      }
      // Or a gateway that starts often would read more each time.
      for (const { data } of frames) spool.#bytesSinceSnapshot += data.length;
      position = next;
    }
    spool.#released = log.bounds(shard).first;
    return spool;
  }

  get shard(): string {
    return this.#options.shard;
  }

  /** Records that wait to be released. */
  get records(): number {
    return Math.max(0, this.#options.log.bounds(this.shard).next - this.#released);
  }

  /** Payload bytes that are kept, those that are released but not trimmed yet among them. */
  get bytes(): number {
    return this.#options.log.bounds(this.shard).bytes;
  }

  /**
   * Queues a device's items, in order; those that were sent before are not stored again. Takes effect at once, so
   * calls for one lane must come in its order.
   * @returns how many were repeats, once all of them are on disk, the repeats' originals included.
   * @throws {Refusal} what the log could not take; the session has failed then, and with it all that it sends later.
   */
  acceptSequenced(session: Session, lane: Lane, items: readonly SequencedItem[]): Promise<{ repeats: number }> {
    const frames: Frame[] = [];
    let bytes = 0;
    let waits = false;
    let highest = -1;
    for (const { sequence, data, bytes: itemBytes } of items) {
      const verdict = this.#watermarks.judge(lane, sequence);
      if (verdict === "pending") waits = true;
      if (verdict !== "new") continue;
      this.#watermarks.appending(lane, sequence);
      highest = sequence;
      frames.push({
        origin: { producer: lane.device, spoolId: lane.spoolId, request: sequence, entry: lane.lane },
        data,
      });
      bytes += itemBytes;
    }
    const repeats = items.length - frames.length;
    if (frames.length === 0 && !waits) return Promise.resolve({ repeats });
    return this.#add(session, frames, bytes, {
      committed: () => {
        if (highest >= 0) this.#watermarks.committed(lane, highest);
      },
      failed: () => this.#watermarks.failed(lane),
    }).then(() => ({ repeats }));
  }

  /** Queues an item that has no identity, such as a plain MQTT client's. */
  accept(session: Session, { data, bytes }: SpoolItem): Promise<void> {
    return this.#add(session, [{ data }], bytes, {});
  }

  /**
   * Writes a note of the forwarding among the items: a frame without origin. Durable when it resolves.
   * @throws {LogError}
   */
  async note(data: Uint8Array): Promise<void> {
    await this.#appender.append([{ data }], data.length, () => this.#countTowardsSnapshot(data.length));
  }

  /** Everything before the position is recorded as delivered or put aside; it may be forgotten. */
  release(position: number): void {
    if (position <= this.#released) return;
    const { first, next, bytes } = this.#options.log.bounds(this.shard);
    // Bytes by records is near enough to say when a trim is worth its sync.
    this.#releasedBytes += (bytes / Math.max(1, next - first)) * (position - this.#released);
    this.#released = position;
    if (this.#releasedBytes >= this.#options.trimBytes) this.trim().catch(this.#options.onTrouble);
  }

  /** Stores the watermarks, then forgets what is released. */
  async trim(): Promise<void> {
    this.#trimming ??= this.#trim().finally(() => {
      this.#trimming = undefined;
    });
    await this.#trimming;
  }

  /** Whether a trim would forget anything. */
  get hasReleased(): boolean {
    return this.#released > this.#options.log.bounds(this.shard).first;
  }

  async #trim(): Promise<void> {
    const released = this.#released;
    this.#releasedBytes = 0;
    // The watermarks live on when the frames that they come from are gone.
    await this.#snapshot();
    await this.#options.log.trimBefore(this.shard, released);
  }

  async #snapshot(): Promise<void> {
    this.#bytesSinceSnapshot = 0;
    await this.#appender.putState(() => this.#watermarks.encode());
  }

  #add(
    session: Session,
    frames: readonly Frame[],
    bytes: number,
    { committed, failed }: { committed?: () => void; failed?: () => void },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#appender.add({
        frames,
        bytes,
        committed: () => {
          committed?.();
          if (frames.length > 0) this.#options.onCommitted({ records: frames.length, bytes });
          this.#countTowardsSnapshot(bytes);
          resolve();
        },
        failed: (error) => {
          failed?.();
          const refusal = refusalOf(error);
          session.fail(refusal);
          reject(refusal);
        },
      });
    });
  }

  #countTowardsSnapshot(bytes: number): void {
    this.#bytesSinceSnapshot += bytes;
    if (this.#bytesSinceSnapshot >= this.#options.snapshotBytes) this.#snapshot().catch(this.#options.onTrouble);
  }
}

const refusalCodes: Partial<Record<string, RefusalCode>> = {
  "disk-full": "disk-full",
  "disk-failed": "disk-failed",
  overloaded: "overloaded",
  "frame-too-large": "frame-too-large-for-log",
  closed: "stopping",
};

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof LogError)) return new Refusal("session-failed", "internal error", { cause: error });
  return new Refusal(refusalCodes[error.code] ?? "disk-failed", error.message, { cause: error });
}
