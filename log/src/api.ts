import type { FramePiece } from "./shard/frame-piece.js";

/**
 * What the log promises to its owners. One process owns a log's directory; within it, each shard has one owner.
 * Nothing crosses {@link Log.append} but bytes, so an owner may later live in another thread or on another node.
 * See docs/design/log.md for the format and the invariants.
 */
export interface Log {
  /** Makes shards that do not exist yet; durable when it resolves. Names: 1 to 512 characters, any. */
  createShards(names: readonly string[]): Promise<void>;
  /** Forgets a shard and deletes its bytes. Pending reads see the shard end. */
  deleteShard(name: string): Promise<void>;
  /** The names of all shards. */
  shards(): string[];

  /**
   * Appends frames to one shard, in order, with no other frame between them. Resolves only after the bytes are
   * synced. Calls for one shard take their positions in the order of the calls. Where one append fails, every append
   * that was waiting behind it on the same journal fails too, so nothing overtakes a failed frame.
   * @throws {LogError} `disk-full`, `disk-failed`, `overloaded` (too many bytes waiting), `no-such-shard`, `closed`,
   * `frame-too-large`.
   */
  append(shard: string, frames: readonly Frame[]): Promise<Appended>;
  /** The same for who makes hundreds at once: no object for a frame, and no promise. */
  appendPacked(shard: string, append: PackedAppend): void;

  /**
   * Stores the owner's own state beside the shard's frames, replacing the one before. It covers every frame appended
   * before this call. Survives the deletion of the segments before it. Durable when it resolves.
   */
  putState(shard: string, state: Uint8Array): Promise<void>;
  /** The last stored state, and the position up to which (exclusive) it covers the shard. */
  getState(shard: string): Promise<{ readonly position: number; readonly state: Uint8Array } | undefined>;

  /**
   * Reads committed frames from `position` on: at least one if there is one, then as many as the limits allow.
   * Trimmed, damaged or missing positions are skipped; `next` says where to go on.
   */
  read(shard: string, position: number, limits: ReadLimits): Promise<ReadResult>;
  /** The same without an object for each frame. @param memory where the frames are to lie; by default new memory. */
  readPage(shard: string, position: number, limits: ReadLimits, memory?: ReadMemory): Promise<FramePage>;
  /** Resolves once a committed frame at or after `position` exists (at once, if it does) or the shard is deleted. */
  grown(shard: string, position: number, signal: AbortSignal): Promise<void>;
  /** The position of the first frame that arrived at or after the time; the next position where there is none. */
  positionAtTime(shard: string, arrivalMs: number): Promise<number>;
  /** @throws {LogError} `no-such-shard`. */
  bounds(shard: string): ShardBounds;

  /** Forgets frames before `position`: reads start there at once; disk is freed by whole segments. Durable lazily. */
  trimBefore(shard: string, position: number): Promise<void>;
  /** Forgets frames that arrived before the time. */
  trimOlderThan(shard: string, arrivalMs: number): Promise<void>;

  /** An owner found the disk full for a file of its own: what waits to be used again goes, and nothing is kept so for ten minutes. */
  makeRoom(): Promise<void>;

  /** Damage found at start or while reading, oldest first, the last 1,000; see {@link LogStats.damageFound}. */
  damage(): readonly Damage[];
  stats(): LogStats;
  /** Waits for pending appends, writes the trailing marks, releases the directory. Later calls throw `closed`. */
  close(): Promise<void>;
}

/** Who sent a message and which one it was: what repeats are recognised by. */
export interface Origin {
  /** Device or gateway id; at most 255 bytes of UTF-8. */
  readonly producer: string;
  /** UUID, lower case. */
  readonly spoolId: string;
  /** Upstream: the producer's request number. In a gateway's spool: the message's sequence. 0 to 2^53 - 1. */
  readonly request: number;
  /** Upstream: the entry within the request. In a gateway's spool: the lane. 0 to 65,535. */
  readonly entry: number;
}

export interface Frame {
  readonly origin?: Origin;
  /** Payload; several parts are written one after the other without being joined. The log keeps no copy after the sync. */
  readonly data: Uint8Array | readonly Uint8Array[];
}

/** Frames whose data lie in one piece of memory, in any order and with anything between. The log keeps no copy after the sync. */
export interface PackedFrames {
  readonly count: number;
  readonly bytes: Buffer;
  /** Where a frame's data begin in the memory. */
  startOf(frame: number): number;
  endOf(frame: number): number;
  /** CRC-32 of its data, as in zlib. With another, the frame counts as damaged. */
  checksumOf(frame: number): number;
}

/** Packed frames, and what becomes of them: one of these is called once, perhaps at once. They must not throw. */
export interface PackedAppend extends PackedFrames {
  /** The frames are synced. @param position of the first one; the others follow without gaps. */
  appended(position: number, arrivalMs: number): void;
  /** They are not stored; see {@link Log.append}. */
  failed(error: unknown): void;
}

export interface StoredFrame {
  readonly position: number;
  /** Milliseconds since 1970, never falling within a shard. */
  readonly arrivalMs: number;
  readonly origin?: Origin;
  readonly data: Buffer;
}

export interface Appended {
  /** Of the first frame; the others follow without gaps. */
  readonly position: number;
  readonly arrivalMs: number;
}

export interface ReadLimits {
  readonly frames: number;
  /** Payload bytes; the first frame is returned even if it alone is larger. */
  readonly bytes: number;
}

export interface ReadResult {
  readonly frames: readonly StoredFrame[];
  /** The position to read from next. */
  readonly next: number;
}

/** Where a read puts what it reads. Who gives it sees to it that nobody else writes there while the page is in use. */
export interface ReadMemory {
  /** At least so many bytes, of any content. */
  readonly take: (bytes: number) => Buffer;
}

export interface FramePage {
  /** In rising order of position. */
  readonly pieces: readonly FramePiece[];
  /** How many there are in all pieces. */
  readonly frames: number;
  readonly payloadBytes: number;
  /** Of the last frame, in milliseconds since 1970; undefined where there is none. */
  readonly lastArrivalMs: number | undefined;
  /** The position to read from next. */
  readonly next: number;
}

export interface ShardBounds {
  /** The first position that a read can return. */
  readonly first: number;
  /** The position after the last committed frame. */
  readonly next: number;
  /** Payload bytes from first to next; where a run of frames was trimmed in its midst, estimated by their share. */
  readonly bytes: number;
  /** Arrival of the oldest (or of one up to 64 KiB before it) and newest kept frame; undefined where there is none. */
  readonly oldestArrivalMs: number | undefined;
  readonly lastArrivalMs: number | undefined;
}

export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  /** `damaged`: acknowledged frames were hit. `torn`: the unacknowledged tail of a crash, or damage in it. */
  readonly kind: "damaged" | "torn";
  readonly shard?: string;
  /** Where the bytes were put aside, if they were. */
  readonly quarantine?: string;
}

export interface LogStats {
  readonly diskBytes: number;
  readonly pendingBytes: number;
  readonly appendedFrames: number;
  readonly appendedBytes: number;
  readonly syncs: number;
  readonly damageFound: number;
  readonly tornFound: number;
  readonly failedAppends: Readonly<Record<string, number>>;
  /** What the disk said to the last write, if that failed: `disk-full` or `disk-failed`. The next append that succeeds ends it. */
  readonly diskFailure: LogError | undefined;
}

export interface LogOptions {
  readonly directory: string;
  readonly disk: Disk;
  readonly clock: Clock;
  /** Called for what an operator should read: damage, failed syncs, recovery. Must not throw. */
  readonly report?: (event: LogEvent) => void;
  /** Default 4. */
  readonly journals?: number;
  /**
   * A shard whose first append to a new file is smaller shares one journal with others like it, unless much waits there: fewer
   * syncs, for bytes that are copied once more when the file is settled. Default 0: shards are spread over all journals.
   */
  readonly sharedAppendBytesMax?: number;
  /** Size at which a journal file is sealed; default 64 MiB. */
  readonly journalBytesMax?: number;
  /** The same of a file that several shards share, which becomes a segment for each of them. By default no other. */
  readonly sharedJournalBytesMax?: number;
  /**
   * So many bytes of files that nobody needs any more are kept to be written over by journals to come: syncs are quicker where the
   * disk has the blocks already. They count in {@link LogStats.diskBytes}, and go when the disk is full. Until a file is written
   * over, whoever may read the directory finds the old bytes in it. Default 0: files are removed.
   */
  readonly spareBytesMax?: number;
  /**
   * Journals that an earlier process left are settled so long after the log has opened, or when the next one is sealed: whoever
   * opens it has a start of its own to go through. Default 0.
   */
  readonly settleLeftAfterMs?: number;
  /** Bytes that may wait for a sync before `append` throws `overloaded`; default 64 MiB. */
  readonly pendingBytesMax?: number;
}

export interface LogEvent {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly [detail: string]: unknown;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

export type LogErrorCode =
  | "disk-full"
  | "disk-failed"
  | "overloaded"
  | "no-such-shard"
  | "closed"
  | "frame-too-large"
  | "directory-in-use"
  | "unsupported-format"
  | "invalid-name";

/** The only error that the log throws on purpose; anything else is a bug. */
export class LogError extends Error {
  override readonly name = "LogError";
  constructor(
    readonly code: LogErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What the log needs of a disk; the real one and one that fails in stated ways implement it. Paths are absolute. */
export interface Disk {
  /**
   * `create` fails if the file exists.
   * @param options.syncsWrites asks for a file whose writes need no sync; whether it is one, the file says.
   */
  open(
    path: string,
    mode: "read" | "write" | "create",
    options?: { readonly syncsWrites?: boolean },
  ): Promise<DiskFile>;
  /** Creates the directory and its parents, and syncs the directories it made entries in. */
  makeDirectory(path: string): Promise<void>;
  /** File and directory names; empty where the directory does not exist. */
  list(directory: string): Promise<string[]>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

export interface DiskFile {
  /** Whether what was written is synced once the write resolves, as if a sync had followed it. */
  readonly syncsWrites?: boolean;
  /** Writes all of it at the offset, or throws. */
  write(buffers: readonly Uint8Array[], offset: number): Promise<void>;
  /** Reads up to the buffer's length; answers how much. */
  read(buffer: Uint8Array, offset: number): Promise<number>;
  sync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  /** How many names it has, where the disk can give a file several: one that has others is not written over. */
  names?(): Promise<number>;
  close(): Promise<void>;
}
