import { dirname } from "node:path";
import type { DiskFile } from "../api.js";
import { diskError } from "../files/disk-error.js";
import type { LogFile } from "../files/log-file.js";
import { encodeFileHeader, fileHeaderBytes, randomFileId } from "../format/file-header.js";
import type { Context } from "../journal/context.js";
import { FrameIndex } from "../shard/frame-index.js";
import type { Part } from "../shard/part.js";
import { partOf } from "../shard/part.js";
import type { Shard, StateLocation } from "../shard/shard.js";

interface Run {
  readonly position: number;
  readonly count: number;
  readonly arrivalMs: number;
  readonly payloadBytes: number;
}

/** Writes one segment: what a journal holds of a shard. Nobody reads any of it before it is synced and published. */
export class SegmentWriter {
  readonly #context: Context;
  readonly #shard: Shard;
  readonly #segment: LogFile;
  readonly #file: DiskFile;
  readonly #index = new FrameIndex();
  /** Goes out with the first frames. */
  #header: Buffer | undefined;
  #state: StateLocation | undefined;

  private constructor(context: Context, shard: Shard, segment: LogFile, file: DiskFile, header: Buffer) {
    this.#context = context;
    this.#shard = shard;
    this.#segment = segment;
    this.#file = file;
    this.#header = header;
  }

  /** Until the journal is gone the segment does not count, as its name says. */
  static async create(context: Context, shard: Shard, journalNumber: number): Promise<SegmentWriter> {
    const { disk, paths } = context;
    // Where there is a segment, there is its directory.
    if (shard.segments.size === 0) await disk.makeDirectory(paths.shard(shard.number));
    const fileId = randomFileId();
    const fileNumber = context.nextFileNumber();
    const path = paths.segment(shard.number, { fileNumber, journalNumber, fileId });
    const segment = { fileId, fileNumber, path, isSegment: true, bytes: fileHeaderBytes(0) };
    const file = await disk.open(path, "create");
    shard.segments.add(segment);
    context.counters.segmentBytes += segment.bytes;
    const header = encodeFileHeader({ fileId, fileNumber, shard: shard.number, links: [] });
    return new SegmentWriter(context, shard, segment, file, header);
  }

  /** Adds adjacent runs. The buffers hold them one after the other. */
  async write(buffers: readonly Uint8Array[], runs: readonly Run[]): Promise<void> {
    let end = this.#segment.bytes;
    for (let i = 0; i < buffers.length; i++) {
      const offset = end;
      end += buffers[i]!.length;
      // Field by field: a copy of the object takes longer than all else here.
      const { position, count, arrivalMs, payloadBytes } = runs[i]!;
      this.#index.add({ position, count, arrivalMs, payloadBytes, offset, end }, this.#index.runs > 0);
    }
    await this.#append(buffers, end - this.#segment.bytes);
  }

  /** Adds the frame of a state, the last that goes into the segment. */
  async writeState(frame: Uint8Array, state: StateLocation): Promise<void> {
    this.#state = { ...state, file: this.#segment, offset: this.#segment.bytes };
    await this.#append([frame], frame.length);
  }

  /** Writes at the end, at first behind the header. */
  async #append(buffers: readonly Uint8Array[], bytes: number): Promise<void> {
    const header = this.#header;
    const offset = this.#segment.bytes;
    this.#header = undefined;
    this.#segment.bytes += bytes;
    this.#context.counters.segmentBytes += bytes;
    await (header === undefined ? this.#file.write(buffers, offset) : this.#file.write([header, ...buffers], 0));
  }

  /** Syncs the segment and its directory entry. */
  async sync(): Promise<void> {
    if (this.#header !== undefined) await this.#append([], 0);
    await this.#file.sync();
    await this.#context.disk.syncDirectory(dirname(this.#segment.path));
  }

  /** Shows it to readers, in place of the parts that it was copied from. */
  publish(copied: readonly Part[], oldState: StateLocation | undefined): void {
    const index = this.#index;
    if (copied.length > 0) {
      index.lastArrivalMs = copied.at(-1)!.index.lastArrivalMs;
      // What was trimmed goes with the journal.
      const kept = index.runs > 0 ? [partOf(this.#segment, index)] : [];
      this.#shard.replaceParts(this.#shard.parts.indexOf(copied[0]!), copied.length, kept);
    }
    if (this.#state !== undefined && this.#shard.state === oldState) this.#shard.state = this.#state;
  }

  /** The sidecar spares the next start a scan; losing it costs only that. */
  async writeIndex(): Promise<void> {
    if (this.#shard.segments.has(this.#segment))
      await writeIndexOf(this.#context, this.#shard, { file: this.#segment, index: this.#index });
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Adds a segment to its shard's sidecar. Never throws: settling goes on without, and the next start scans the segment. */
export async function writeIndexOf(
  context: Context,
  shard: Shard,
  { file, index }: Pick<Part, "file" | "index">,
): Promise<void> {
  const state = shard.state?.file === file ? shard.state : undefined;
  try {
    await shard.sidecar.add(context, file, { coveredBytes: file.bytes, index, state });
  } catch (error) {
    const cause = diskError(error, "index").message;
    context.report({ level: "warn", message: "segment index not written", path: file.path, error: cause });
  }
}
