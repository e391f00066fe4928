import { dirname } from "node:path";
import type { DiskFile } from "../api.js";
import type { LogFile } from "../files/log-file.js";
import { encodeFileHeader, fileHeaderBytes, randomFileId } from "../format/file-header.js";
import type { Context } from "../journal/context.js";
import { FrameIndex } from "../shard/frame-index.js";
import type { Part } from "../shard/part.js";
import type { Shard, StateLocation } from "../shard/shard.js";
import { segmentIndexPath, writeSegmentIndex } from "./segment-index.js";

interface Run {
  readonly position: number;
  readonly count: number;
  readonly arrivalMs: number;
  readonly offset: number;
  readonly end: number;
  readonly payloadBytes: number;
}

/** Adds to one shard's segment. Nobody sees any of it before it is synced and {@link publish}ed. */
export class SegmentWriter {
  readonly #context: Context;
  readonly #shard: Shard;
  readonly #segment: LogFile;
  /** What readers know of the segment; undefined as long as they know none of it. */
  readonly #part: Part | undefined;
  readonly #file: DiskFile;
  readonly #runs: Run[] = [];
  #end: number;
  #published = false;
  #state: StateLocation | undefined;

  private constructor(context: Context, shard: Shard, segment: LogFile, part: Part | undefined, file: DiskFile) {
    this.#context = context;
    this.#shard = shard;
    this.#segment = segment;
    this.#part = part;
    this.#file = file;
    this.#end = segment.bytes;
  }

  /** Goes on with the segment of the part, if it is one with room and a known end; otherwise begins a new one. */
  static async open(context: Context, shard: Shard, before: Part | undefined): Promise<SegmentWriter> {
    const { disk, paths } = context;
    if (before !== undefined && hasRoom(before, context.segmentBytesMax))
      return new SegmentWriter(context, shard, before.file, before, await disk.open(before.file.path, "write"));
    await disk.makeDirectory(paths.shard(shard.number));
    const fileId = randomFileId();
    const fileNumber = context.nextFileNumber();
    const path = paths.segment(shard.number, fileNumber, fileId);
    const segment = { fileId, fileNumber, path, isSegment: true, bytes: fileHeaderBytes(0) };
    const file = await disk.open(path, "create");
    shard.segments.add(segment);
    try {
      await file.write([encodeFileHeader({ fileId, fileNumber, shard: shard.number, links: [] })], 0);
      return new SegmentWriter(context, shard, segment, undefined, file);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Adds adjacent runs of a part. The buffers hold them one after the other. */
  async write(buffers: readonly Uint8Array[], runs: readonly Omit<Run, "offset" | "end">[]): Promise<void> {
    const from = this.#end;
    let offset = from;
    buffers.forEach((buffer, i) => {
      const end = offset + buffer.length;
      this.#runs.push({ ...runs[i]!, offset, end });
      offset = end;
    });
    this.#end = offset;
    await this.#file.write(buffers, from);
  }

  /** Adds the frame of a state. */
  async writeState(frame: Uint8Array, state: StateLocation): Promise<void> {
    const offset = this.#end;
    this.#end += frame.length;
    this.#state = { ...state, file: this.#segment, offset };
    await this.#file.write([frame], offset);
  }

  /** Syncs what was written, and its directory entry. */
  async sync(): Promise<void> {
    await this.#file.sync();
    await this.#context.disk.syncDirectory(dirname(this.#segment.path));
  }

  /** Shows readers what was written, in place of the parts that it was copied from. */
  publish(copied: readonly Part[], oldState: StateLocation | undefined): void {
    const { parts } = this.#shard;
    this.#published = true;
    this.#segment.bytes = this.#end;
    const part = this.#part ?? { file: this.#segment, index: new FrameIndex(), first: 0, next: 0 };
    // A state lies between the runs of two settlings; it only parts what was adjacent.
    this.#runs.forEach((run, i) => part.index.add(run, i > 0));
    if (this.#runs.length > 0) {
      part.index.lastArrivalMs = copied.at(-1)!.index.lastArrivalMs;
      if (this.#part === undefined) part.first = part.index.first;
      part.next = part.index.next;
    }
    const at = copied.length > 0 ? parts.indexOf(copied[0]!) : parts.length;
    const added = this.#part === undefined && this.#runs.length > 0 ? [part] : [];
    parts.splice(at, copied.length, ...added);
    if (this.#state !== undefined && this.#shard.state === oldState) this.#shard.state = this.#state;
  }

  /** What readers find in the segment at the next start without scanning it; losing it costs only that scan. */
  async writeIndex(): Promise<void> {
    const part = this.#shard.parts.find(({ file }) => file === this.#segment);
    if (part !== undefined) await writeIndexOf(this.#context, this.#shard, part);
  }

  /** What was written but not published may or may not be on disk: such a segment is not added to again. */
  close(): Promise<void> {
    this.#segment.ended = !this.#published;
    return this.#file.close();
  }
}

/** Writes the sidecar of a part's segment. */
export async function writeIndexOf({ disk }: Context, shard: Shard, part: Part): Promise<void> {
  const { file, index } = part;
  const state = shard.state?.file === file ? shard.state : undefined;
  await writeSegmentIndex(disk, file, segmentIndexPath(file.path), { coveredBytes: file.bytes, index, state });
}

/** The part must reach to the segment's end: what lies behind a cut would come back with the next start. */
function hasRoom({ file, index, next }: Part, segmentBytesMax: number): boolean {
  return file.isSegment && !file.ended && file.bytes < segmentBytesMax && next === index.next;
}
