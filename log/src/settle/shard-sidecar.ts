import { asideSuffix, readWhole } from "../files/atomic-file.js";
import type { LogFile } from "../files/log-file.js";
import { fileIdHex } from "../format/file-header.js";
import type { Context } from "../journal/context.js";
import type { SegmentContent } from "./segment-index.js";
import { decodeSegmentIndex, encodeSegmentIndex, indexEntries } from "./segment-index.js";

/** Most shards' sidecars are shorter. */
const likelyBytes = 16 * 1024;
/** A sidecar is written anew once it has so much of deleted segments, and more than of the others. */
const deadBytesMin = 4096;

type DiskAndPaths = Pick<Context, "disk" | "paths">;

/**
 * The sidecar of one shard's segments: an entry for each, added once it was settled. It is never synced with them, and losing
 * it costs a start only the scan of what it would have told.
 */
export class ShardSidecar {
  readonly #shardNumber: number;
  /** Bytes of the entries that segments have. */
  readonly #entries = new Map<LogFile, number>();
  #liveBytes = 0;
  /** Of the file; undefined where there is none, or it cannot be read. */
  #bytes: number | undefined;

  constructor(shardNumber: number) {
    this.#shardNumber = shardNumber;
  }

  /** Reads it. Answers by file id what it says of a segment, and takes that for the segment that it is given. */
  async load({ disk, paths }: DiskAndPaths): Promise<(segment: LogFile) => SegmentContent | undefined> {
    const sidecar = await readWhole(disk, paths.shardSidecar(this.#shardNumber), likelyBytes);
    this.#bytes = sidecar.length;
    const entries = new Map([...indexEntries(sidecar)].map((entry) => [entry.fileIdHex, entry]));
    return (segment) => {
      const entry = entries.get(fileIdHex(segment.fileId));
      if (entry === undefined) return undefined;
      this.#have(segment, entry.bytes.length);
      return decodeSegmentIndex(entry);
    };
  }

  /** Adds what a segment holds. What a write before left unfinished is overwritten. */
  async add({ disk, paths }: DiskAndPaths, segment: LogFile, content: SegmentContent): Promise<void> {
    const bytes = encodeSegmentIndex(segment.fileId, content);
    const path = paths.shardSidecar(this.#shardNumber);
    if (this.#bytes === undefined) await disk.remove(path);
    const file = await disk.open(path, this.#bytes === undefined ? "create" : "write");
    this.#bytes ??= 0;
    try {
      await file.write([bytes], this.#bytes);
    } finally {
      await file.close();
    }
    this.#bytes += bytes.length;
    this.#have(segment, bytes.length);
  }

  /** Drops the entries of segments that are gone, once that pays. */
  async forget(context: DiskAndPaths, segments: readonly LogFile[]): Promise<void> {
    for (const segment of segments) {
      this.#liveBytes -= this.#entries.get(segment) ?? 0;
      this.#entries.delete(segment);
    }
    const deadBytes = (this.#bytes ?? 0) - this.#liveBytes;
    if (deadBytes > Math.max(deadBytesMin, this.#liveBytes)) await this.#writeAnew(context);
  }

  async #writeAnew({ disk, paths }: DiskAndPaths): Promise<void> {
    const path = paths.shardSidecar(this.#shardNumber);
    const segments = new Map([...this.#entries.keys()].map((segment) => [fileIdHex(segment.fileId), segment]));
    const entries = new Map([...indexEntries(await readWhole(disk, path))].map((one) => [one.fileIdHex, one]));
    const kept = [...entries.values()].filter((entry) => segments.has(entry.fileIdHex));
    const aside = `${path}${asideSuffix}`;
    await disk.remove(aside);
    const file = await disk.open(aside, "create");
    try {
      await file.write(
        kept.map(({ bytes }) => bytes),
        0,
      );
      // Otherwise a crash could leave the name without the bytes, and cost the scan of all of the shard's segments.
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(aside, path);
    this.#entries.clear();
    this.#liveBytes = 0;
    this.#bytes = 0;
    for (const { fileIdHex: id, bytes } of kept) {
      this.#bytes += bytes.length;
      this.#have(segments.get(id)!, bytes.length);
    }
  }

  #have(segment: LogFile, bytes: number): void {
    this.#liveBytes += bytes - (this.#entries.get(segment) ?? 0);
    this.#entries.set(segment, bytes);
  }
}
