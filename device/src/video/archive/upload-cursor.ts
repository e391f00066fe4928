import type { Log } from "@headwater/log";
import { lanes } from "@headwater/protocol";
import type { DeviceClock } from "../../clock/device-clock.js";
import type { Report } from "../../report.js";
import type { StoredPiece } from "./stored-piece.js";
import { decodeUploadMarks, encodeUploadMarks, type Range, type UploadMarks } from "./upload-marks.js";
import type { VideoArchive } from "./video-archive.js";

export interface UploadCursorOptions {
  readonly archive: VideoArchive;
  readonly log: Pick<Log, "getState" | "putState">;
  readonly clock: DeviceClock;
  /** The present boot's ordinal. */
  readonly boot: number;
  readonly report: Report;
}

/**
 * A fragment that has waited longer when its turn comes in the live lane, and is not the newest, goes by backfill, with
 * all that lies before the newest.
 */
export const LIVE_MS_MAX = 5_000;
/** How far ahead the live lane's end is stored, so that it costs one sync in so many pieces. */
const LIVE_RESERVED = 32;

/** A stretch of a lane. */
interface Lane {
  /** Positions sent and not acknowledged, in order. */
  sent: number[];
  /** Where to go on. */
  next: number;
  /** Pieces before it are missing, so that it can go on with a fragment's first piece only. */
  isBroken: boolean;
}

interface BackfillRange extends Lane {
  readonly to: number;
}

/**
 * Which piece of an archive goes next, in which lane. A fragment goes by one lane, also over restarts: the gateway
 * recognises repeats by lane and sequence, so a piece that changed its lane would arrive twice. What that needs, the
 * {@link UploadMarks}, is durable before the first send that depends on it.
 */
export class UploadCursor {
  readonly #options: UploadCursorOptions;
  /** What lies before this is of earlier processes. */
  readonly #staleTo: number;
  /** Of that, what begins before this may have gone out live. */
  readonly #staleLiveTo: number;
  readonly #live: Lane;
  #liveReservedTo: number;
  #backfill: BackfillRange[];
  #changed: "no" | "lazily" | "before-send" = "no";
  #persisting = 0;
  #persisted: Promise<void> = Promise.resolve();
  #isFailing = false;

  /** @throws {LogError} */
  static async open(options: UploadCursorOptions): Promise<UploadCursor> {
    const { archive, log } = options;
    const stored = await log.getState(archive.shard);
    const none: UploadMarks = { version: 1, liveFrom: 0, liveReservedTo: 0, backfill: [] };
    return new UploadCursor(options, (stored && decodeUploadMarks(stored.state)) ?? none);
  }

  private constructor(options: UploadCursorOptions, { liveFrom, liveReservedTo, backfill }: UploadMarks) {
    this.#options = options;
    this.#staleTo = options.archive.next;
    this.#live = { sent: [], next: liveFrom, isBroken: false };
    this.#liveReservedTo = liveReservedTo;
    this.#staleLiveTo = liveReservedTo;
    this.#backfill = backfill.map(({ from, to }) => ({ sent: [], next: from, isBroken: false, to }));
  }

  /** Positions whose pieces the gateway has not acknowledged; the last range is the live lane's. */
  unacknowledged(): Range[] {
    const { next } = this.#options.archive;
    return [...this.#ranges(), { from: Math.min(fromOf(this.#live), next), to: next }];
  }

  /** Whether {@link nextLive} may have one. */
  get hasLive(): boolean {
    return this.#live.next < this.#options.archive.next;
  }

  /** Whether {@link nextBackfill} may have one. */
  get hasBackfill(): boolean {
    return this.#backfill.some(({ next, to }) => next < to);
  }

  /** The next piece of the live lane; `undefined` where there is none now. @throws {LogError} */
  async nextLive(): Promise<StoredPiece | undefined> {
    const { archive } = this.#options;
    for (;;) {
      const stored = await this.#readOn(this.#live);
      if (stored === undefined) return undefined;
      const { position, piece } = stored;
      const range = this.#rangeOf(position);
      if (range !== undefined) {
        this.#live.next = range.to;
      } else if (piece.index === 0 && this.#isLate(stored)) {
        const to = Math.max(archive.newestFragment, this.#staleTo);
        this.#backfill.push({ sent: [], next: position, isBroken: false, to });
        this.#live.next = to;
        this.#changed = "before-send";
      } else {
        if (position >= this.#liveReservedTo) {
          this.#liveReservedTo = position + LIVE_RESERVED;
          this.#changed = "before-send";
        }
        await this.#beforeSend();
        return send(this.#live, stored);
      }
    }
  }

  /** The oldest piece of the backfill lane that was not sent; `undefined` where there is none. @throws {LogError} */
  async nextBackfill(): Promise<StoredPiece | undefined> {
    for (const range of this.#backfill) {
      if (range.next === range.to) continue;
      const stored = await this.#readOn(range);
      if (stored === undefined || stored.position >= range.to) {
        range.next = range.to; // what was there is trimmed
        continue;
      }
      await this.#beforeSend();
      return send(range, stored);
    }
    this.#forgetDone();
    return undefined;
  }

  /** The gateway has a piece. Those of one lane are acknowledged in the order in which they were sent. */
  acknowledge(position: number, lane: number): void {
    if (this.#changed === "no") this.#changed = "lazily";
    const acknowledged = lane === lanes.videoLive ? this.#live : this.#rangeOf(position);
    if (acknowledged !== undefined) acknowledged.sent = acknowledged.sent.filter((sent) => sent > position);
    this.#forgetDone();
  }

  /** Stores the marks where they have changed. Never rejects: what they do not say is sent again. */
  persist(): Promise<void> {
    this.#persisting++;
    this.#persisted = this.#persisted.then(() => this.#store()).finally(() => this.#persisting--);
    return this.#persisted;
  }

  /** Waits until what the next send depends on is durable, also where somebody else is storing it. */
  async #beforeSend(): Promise<void> {
    if (this.#changed === "before-send" || this.#persisting > 0) await this.persist();
  }

  async #store(): Promise<void> {
    if (this.#changed === "no") return;
    const { archive, log, report } = this.#options;
    const changed = this.#changed;
    this.#changed = "no";
    const liveReservedTo = this.#liveReservedTo;
    const marks: UploadMarks = { version: 1, liveFrom: fromOf(this.#live), liveReservedTo, backfill: this.#ranges() };
    try {
      await log.putState(archive.shard, encodeUploadMarks(marks));
      this.#isFailing = false;
    } catch (cause) {
      // Sending goes on all the same; after a crash some of it may arrive twice, in another lane.
      if (changed === "before-send" || this.#changed === "no") this.#changed = changed;
      // The next piece tries again: a disk that is full for long is told of once.
      if (!this.#isFailing) {
        report({ level: "warn", message: `the upload marks of ${archive.stream} could not be stored`, cause });
      }
      this.#isFailing = true;
    }
  }

  #ranges(): Range[] {
    return this.#backfill.map((range) => ({ from: fromOf(range), to: range.to }));
  }

  #rangeOf(position: number): BackfillRange | undefined {
    return this.#backfill.find((range) => fromOf(range) <= position && position < range.to);
  }

  #forgetDone(): void {
    this.#backfill = this.#backfill.filter((range) => fromOf(range) < range.to);
  }

  #isLate({ position, capture }: StoredPiece): boolean {
    const { archive, boot, clock } = this.#options;
    if (position < this.#staleTo) return position >= this.#staleLiveTo;
    if (position >= archive.newestFragment) return false;
    return capture.boot !== boot || clock.monotonicMs() - capture.monotonicMs > LIVE_MS_MAX;
  }

  /** The lane's next piece; where pieces were trimmed or damaged, the first of the next whole fragment. */
  async #readOn(lane: Lane): Promise<StoredPiece | undefined> {
    const { archive } = this.#options;
    for (;;) {
      const end = archive.next;
      const stored = await archive.read(lane.next);
      if (stored?.position !== lane.next && end > lane.next) lane.isBroken = true;
      lane.next = stored?.position ?? Math.max(end, lane.next);
      if (stored === undefined) return undefined;
      if (!lane.isBroken || stored.piece.index === 0) {
        lane.isBroken = false;
        return stored;
      }
      lane.next++;
    }
  }
}

/** The first position that is not acknowledged. */
function fromOf({ sent, next }: Lane): number {
  return sent[0] ?? next;
}

function send(lane: Lane, stored: StoredPiece): StoredPiece {
  lane.next = stored.position + 1;
  lane.sent.push(stored.position);
  return stored;
}
