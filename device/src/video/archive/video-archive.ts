import { LogError, type Log } from "@headwater/log";
import type { Capture } from "../../clock/clock-era.js";
import type { DeviceClock } from "../../clock/device-clock.js";
import type { Condition } from "../../condition.js";
import type { Report } from "../../report.js";
import { type CutDrop, type CutPiece, frameStarts } from "../fragment/fragment-cutter.js";
import { numberPieces, type OpenFragment, sequencesFor } from "./piece-numbering.js";
import { decodeStoredPiece, type StoredPiece } from "./stored-piece.js";
import type { VideoIdentity } from "./video-identity.js";

export interface VideoArchiveOptions {
  readonly log: Log;
  readonly device: string;
  readonly stream: string;
  readonly identity: VideoIdentity;
  readonly clock: DeviceClock;
  readonly report: Report;
  /** Notified when pieces were stored. */
  readonly grown: Condition;
}

export interface ArchiveStatus {
  /** Pieces stored since the start, and the bytes of their frames. */
  readonly storedPieces: number;
  readonly storedBytes: number;
  /** What the archive holds. */
  readonly archiveBytes: number;
  /** From the last frame stored before the start to the first after it; 0 where that is not known, or not yet. */
  readonly restartGapMs: number;
  /** What the disk said last. */
  readonly disk: "ok" | "disk-full" | "disk-failed";
}

/** Hears of pieces that were put and could not be stored. */
export interface LossListener {
  /** @param isOngoing the fragment that is being put lost pieces: it cannot go on. */
  lost(cause: CutDrop, frames: number, isOngoing: boolean): void;
}

/** Where a camera's pieces go. */
export interface PieceStore {
  readonly stream: string;
  /** Who puts hears of what becomes of it. */
  listen(listener: LossListener): void;
  /** Takes pieces to be stored, in order. @returns false where too much waits for the disk: they are not taken. */
  put(pieces: readonly CutPiece[]): boolean;
  /** Resolves when what was put is stored or lost. */
  settled(): Promise<void>;
}

/** Pieces that wait for the disk may hold this much memory. */
export const WAITING_BYTES_MAX = 16 * 1024 * 1024;

/** One camera's pieces, durable: a shard of the video log. */
export class VideoArchive implements PieceStore {
  readonly shard: string;
  readonly #options: VideoArchiveOptions;
  #listener: LossListener = { lost: () => undefined };
  #waiting: CutPiece[] = [];
  #waitingBytes = 0;
  #storing: Promise<void> | undefined;
  #open: OpenFragment | undefined;
  #newestFragment = 0;
  #storedPieces = 0;
  #storedBytes = 0;
  #disk: ArchiveStatus["disk"] = "ok";
  #diskFullFailures = 0;
  /** The last frame stored before the start, until the next one is. */
  #lastBefore: Capture | undefined;
  #restartGapMs = 0;

  /** @throws {LogError} `disk-full`, `disk-failed`. */
  static async open(options: VideoArchiveOptions): Promise<VideoArchive> {
    const archive = new VideoArchive(options);
    const { log, report } = options;
    if (!log.shards().includes(archive.shard)) await log.createShards([archive.shard]);
    const newest = await archive.read(Math.max(archive.first, archive.next - 1));
    archive.#lastBefore = await archive.#lastFrame();
    if (newest !== undefined && !newest.piece.isLast) {
      const { capture, piece, wallMs } = newest;
      archive.#open = { capture, wallMs, fragment: piece.fragment, index: piece.index + 1 };
      // A fragment that a crash cut off ends with what was stored of it.
      await archive.#append([]).catch((cause: unknown) => {
        report({ level: "warn", message: "a fragment that was cut off could not be ended yet", cause });
      });
    }
    return archive;
  }

  private constructor(options: VideoArchiveOptions) {
    this.#options = options;
    this.shard = `camera/${options.stream}`;
  }

  get stream(): string {
    return this.#options.stream;
  }

  /** The first position that is kept. */
  get first(): number {
    return this.#options.log.bounds(this.shard).first;
  }

  /** The position after the last piece. */
  get next(): number {
    return this.#options.log.bounds(this.shard).next;
  }

  /** Where the newest fragment begins that was stored since the start; 0 before the first. */
  get newestFragment(): number {
    return this.#newestFragment;
  }

  /** How often pieces were lost because the disk was full. */
  get diskFullFailures(): number {
    return this.#diskFullFailures;
  }

  status(): ArchiveStatus {
    return {
      storedPieces: this.#storedPieces,
      storedBytes: this.#storedBytes,
      archiveBytes: this.#options.log.bounds(this.shard).bytes,
      restartGapMs: this.#restartGapMs,
      disk: this.#disk,
    };
  }

  listen(listener: LossListener): void {
    this.#listener = listener;
  }

  put(pieces: readonly CutPiece[]): boolean {
    const bytes = bytesOf(pieces);
    if (this.#waitingBytes + bytes > WAITING_BYTES_MAX) return false;
    this.#waiting.push(...pieces);
    this.#waitingBytes += bytes;
    this.#storing ??= this.#store();
    return true;
  }

  async settled(): Promise<void> {
    await this.#storing;
  }

  /** The first piece at or after a position; `undefined` where there is none yet. @throws {LogError} */
  async read(position: number): Promise<StoredPiece | undefined> {
    const { log } = this.#options;
    for (let at = position; at < this.next;) {
      const { frames, next } = await log.read(this.shard, at, { frames: 1, bytes: 1 });
      if (frames[0] !== undefined) return decodeStoredPiece(frames[0]);
      if (next <= at) return undefined;
      at = next;
    }
    return undefined;
  }

  async #store(): Promise<void> {
    // Lets a caller put all it has before the first sync begins.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#append(batch);
        this.#disk = "ok";
      } catch (cause) {
        this.#lose(batch, cause);
      } finally {
        this.#waitingBytes -= bytesOf(batch);
      }
    }
    this.#storing = undefined;
  }

  async #append(pieces: readonly CutPiece[]): Promise<void> {
    const { clock, device, grown, identity, log, stream } = this.#options;
    const sequence = await identity.take(sequencesFor(pieces));
    const { boot, spoolId } = identity;
    const offsetMs = clock.now() - clock.monotonicMs();
    const by = { device, stream, spoolId, boot, offsetMs, sequence };
    const { frames, open, newestStart } = numberPieces(pieces, this.#open, by);
    const { position } = await log.append(this.shard, frames);
    this.#open = open;
    if (newestStart !== undefined) this.#newestFragment = position + newestStart;
    this.#storedPieces += frames.length;
    this.#storedBytes += pieces.reduce((sum, { slices }) => sum + dataBytesOf(slices), 0);
    grown.notify();
    if (pieces[0] !== undefined) this.#endGap(pieces[0]);
  }

  /** When the last frame was captured that is stored. */
  async #lastFrame(): Promise<Capture | undefined> {
    for (let at = this.next - 1; at >= this.first; at--) {
      const stored = await this.read(at);
      if (stored === undefined) return undefined;
      const { capture, piece } = stored;
      // What only ends a fragment has no frames; what begins one has.
      if (piece.slices.length === 0 && piece.index > 0) continue;
      const offsetMs = Math.max(...piece.slices.map(({ timeMs }) => timeMs), 0);
      return { boot: capture.boot, monotonicMs: capture.monotonicMs + offsetMs };
    }
    return undefined;
  }

  /** What was captured and not stored when the process before ended is in no archive: the gap says how much that can be. */
  #endGap({ fragmentMs }: CutPiece): void {
    const { clock, identity, report, stream } = this.#options;
    if (this.#lastBefore === undefined) return;
    const ageMs = identity.ageMs(this.#lastBefore);
    this.#lastBefore = undefined;
    if (ageMs !== undefined) this.#restartGapMs = Math.max(ageMs - (clock.monotonicMs() - fragmentMs), 0);
    const length = ageMs === undefined ? "an unknown time" : `${(this.#restartGapMs / 1000).toFixed(1)} s`;
    report({ level: "info", message: `video of ${stream} goes on; nothing was stored for ${length}` });
  }

  /** What waits behind a lost piece is of its fragment, up to the next first piece, and lost with it. */
  #lose(batch: readonly CutPiece[], cause: unknown): void {
    const start = this.#waiting.findIndex(({ index }) => index === 0);
    const behind = this.#waiting.splice(0, start === -1 ? this.#waiting.length : start);
    this.#waitingBytes -= bytesOf(behind);
    const drop = causeOf(cause);
    this.#report(drop, cause);
    const frames = [...batch, ...behind].reduce((sum, { slices }) => sum + frameStarts(slices), 0);
    this.#listener.lost(drop ?? "unexpected", frames, start === -1);
  }

  #report(drop: CutDrop | undefined, cause: unknown): void {
    const { report, stream } = this.#options;
    const isNew = drop === undefined || drop !== this.#disk;
    if (drop === "disk-full" || drop === "disk-failed") this.#disk = drop;
    if (drop === "disk-full") this.#diskFullFailures++;
    // Without a cause of the disk's it is a bug; an unattended device goes on with the next fragment all the same.
    if (isNew) report({ level: "error", message: `video of ${stream} is lost: ${drop ?? "unexpected"}`, cause });
  }
}

/** What pieces take while they wait, roughly. */
function bytesOf(pieces: readonly CutPiece[]): number {
  return pieces.reduce((sum, { slices }) => sum + 256 + dataBytesOf(slices), 0);
}

function dataBytesOf(slices: CutPiece["slices"]): number {
  return slices.reduce((sum, { data }) => sum + data.length, 0);
}

function causeOf(error: unknown): CutDrop | undefined {
  if (!(error instanceof LogError)) return undefined;
  return error.code === "disk-full" ? "disk-full" : error.code === "overloaded" ? "queue-full" : "disk-failed";
}
