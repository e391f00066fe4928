import type { Log } from "@headwater/log";
import type { ArchiveLimits } from "../camera-options.js";
import { Counts } from "../../counts.js";
import { decodeStoredPiece, type StoredPiece } from "./stored-piece.js";
import type { UploadCursor } from "./upload-cursor.js";
import type { VideoArchive } from "./video-archive.js";
import type { VideoIdentity } from "./video-identity.js";

/** Why pieces were given up that the gateway does not have. */
export type ExpiryCause = "archive-bytes" | "archive-age";

const MS_PER_HOUR = 3_600_000;
/** How much of the oldest is looked at together. */
const STEP = { frames: 256, bytes: 4 * 1024 * 1024 };

/** Keeps an archive within its limits: gives up the oldest, sent or not. */
export class Retention {
  readonly #log: Log;
  readonly #archive: VideoArchive;
  readonly #cursor: UploadCursor;
  readonly #identity: VideoIdentity;
  readonly #limits: ArchiveLimits;
  readonly #expired = new Counts<ExpiryCause>();

  constructor(log: Log, archive: VideoArchive, cursor: UploadCursor, identity: VideoIdentity, limits: ArchiveLimits) {
    this.#log = log;
    this.#archive = archive;
    this.#cursor = cursor;
    this.#identity = identity;
    this.#limits = limits;
  }

  /** Fragments of which something was given up before the gateway had it. */
  get expired(): Readonly<Record<string, number>> {
    return this.#expired.toObject();
  }

  /** Gives up what is too much or too old. @throws {LogError} */
  async enforce(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.#step())) {
      // the next oldest
    }
  }

  async #step(): Promise<boolean> {
    const { shard } = this.#archive;
    const { first, bytes } = this.#log.bounds(shard);
    let excess = bytes - this.#limits.bytesMax;
    const oldest = await this.#archive.read(first);
    if (oldest === undefined || (excess <= 0 && !this.#isOld(oldest))) return false;
    const { frames } = await this.#log.read(shard, first, STEP);
    const given = new Map<number, ExpiryCause>();
    let end = first;
    for (const frame of frames) {
      const stored = decodeStoredPiece(frame);
      if (excess <= 0 && !this.#isOld(stored)) break;
      const cause = excess > 0 ? "archive-bytes" : "archive-age";
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
