import type { Log } from "@headwater/log";
import type { ArchiveLimits } from "../camera-options.js";
import { Counts } from "../../counts.js";
import { decodeStoredPiece, type StoredPiece } from "./stored-piece.js";
import type { UploadCursor } from "./upload-cursor.js";
import type { VideoArchive } from "./video-archive.js";
import type { VideoIdentity } from "./video-identity.js";

/** Why pieces were given up that the gateway does not have. */
export type ExpiryCause = "archive-bytes" | "archive-age" | "disk-full";

/** What goes each time that the disk was full: it is looked at every few seconds, and each time costs some of the new. */
const DISK_FULL_SEGMENTS = 2;
const MS_PER_HOUR = 3_600_000;
/** How much of the oldest is looked at together. */
const STEP = { frames: 256, bytes: 4 * 1024 * 1024 };

/**
 * Keeps an archive within its limits, and within its disk: gives up the oldest, sent or not. On a full disk that nobody
 * looks after, new video is worth more than the oldest.
 */
export class Retention {
  readonly #log: Log;
  readonly #archive: VideoArchive;
  readonly #cursor: UploadCursor;
  readonly #identity: VideoIdentity;
  readonly #limits: ArchiveLimits;
  readonly #segmentBytes: number;
  readonly #expired = new Counts<ExpiryCause>();
  /** Of {@link VideoArchive.diskFullFailures}, those that room was made for. */
  #diskFullFailures = 0;

  /** @param segmentBytes what the log frees together. */
  constructor(
    log: Log,
    archive: VideoArchive,
    cursor: UploadCursor,
    identity: VideoIdentity,
    limits: ArchiveLimits,
    segmentBytes: number,
  ) {
    this.#log = log;
    this.#archive = archive;
    this.#cursor = cursor;
    this.#identity = identity;
    this.#limits = limits;
    this.#segmentBytes = segmentBytes;
  }

  /** Fragments of which something was given up before the gateway had it. */
  get expired(): Readonly<Record<string, number>> {
    return this.#expired.toObject();
  }

  /** Gives up what is too much or too old. @throws {LogError} */
  async enforce(signal: AbortSignal): Promise<void> {
    const { diskFullFailures } = this.#archive;
    if (diskFullFailures > this.#diskFullFailures) {
      const bytesMax = this.#log.bounds(this.#archive.shard).bytes - DISK_FULL_SEGMENTS * this.#segmentBytes;
      // An archive that holds no more than that is not what fills the disk.
      if (bytesMax > 0) await this.#trim(bytesMax, "disk-full", signal);
      this.#diskFullFailures = diskFullFailures;
    }
    await this.#trim(this.#limits.bytesMax, "archive-bytes", signal);
  }

  async #trim(bytesMax: number, cause: ExpiryCause, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.#step(bytesMax, cause))) {
      // the next oldest
    }
  }

  async #step(bytesMax: number, tooMuch: ExpiryCause): Promise<boolean> {
    const { shard } = this.#archive;
    const { first, bytes } = this.#log.bounds(shard);
    let excess = bytes - bytesMax;
    const oldest = await this.#archive.read(first);
    if (oldest === undefined || (excess <= 0 && !this.#isOld(oldest))) return false;
    const { frames } = await this.#log.read(shard, first, STEP);
    const given = new Map<number, ExpiryCause>();
    let end = first;
    for (const frame of frames) {
      const stored = decodeStoredPiece(frame);
      if (excess <= 0 && !this.#isOld(stored)) break;
      const cause = excess > 0 ? tooMuch : "archive-age";
      if (this.#isUnacknowledged(frame.position)) given.set(stored.piece.fragment, cause);
      excess -= frame.data.length;
      end = frame.position + 1;
    }
    if (end === first) return false;
    await this.#log.trimBefore(shard, end);
    for (const cause of given.values()) this.#expired.add(cause);
    return true;
  }

  #isOld({ capture }: StoredPiece): boolean {
    return (this.#identity.ageMs(capture) ?? 0) > this.#limits.hoursMax * MS_PER_HOUR;
  }

  #isUnacknowledged(position: number): boolean {
    return this.#cursor.unacknowledged().some(({ from, to }) => from <= position && position < to);
  }
}
