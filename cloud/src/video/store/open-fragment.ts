import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { TRAVEL_TAG_PREFIX } from "@headwater/protocol";
import { type Fragment, isBackfillTag, type MediaFrame, type MediaTag } from "./fragment.js";
import type { MediaAppender } from "./media-appender.js";
import { encodeBegin, encodeEnd, encodeFrame, encodeTag } from "./media-record.js";

/** What a fragment is from the start. */
export interface NewFragment {
  readonly producerMs: number;
  readonly serverMs: number;
  /** EBML header, Segment, Info and Tracks, with times in milliseconds. */
  readonly init: Buffer;
}

/** A fragment that is still coming. Its records go out as they are added. */
export class OpenFragment {
  readonly id = randomBytes(8).readBigUInt64BE();
  readonly #appender: MediaAppender;
  readonly #start: NewFragment;
  #begin: number | undefined;
  #bytes = 0;
  #frames = 0;
  #contentCrc = 0;
  #isBackfill = false;

  /**
   * @param scanFrom where the media shard ended before it: its first record lies there or later.
   * @param onBegun called once its first record is synced.
   */
  constructor(
    appender: MediaAppender,
    start: NewFragment,
    readonly scanFrom: number,
    onBegun: (begin: number) => void,
  ) {
    this.#appender = appender;
    this.#start = start;
    appender.add(encodeBegin(this.id, start), (position) => {
      this.#begin = position;
      if (position !== undefined) onBegun(position);
    });
  }

  /** Where its first record lies; undefined until that is synced. */
  get begin(): number | undefined {
    return this.#begin;
  }

  get producerMs(): number {
    return this.#start.producerMs;
  }

  /** As far as its tags have come. */
  get isBackfill(): boolean {
    return this.#isBackfill;
  }

  addFrame(frame: MediaFrame): void {
    const record = encodeFrame(this.id, frame);
    this.#bytes += frame.data.length;
    this.#frames += 1;
    this.#add(record);
  }

  addTag(tag: MediaTag): void {
    if (isBackfillTag(tag)) {
      if (this.#isBackfill) return; // its call has said so
      this.#isBackfill = true;
    }
    const record = encodeTag(this.id, tag);
    if (tag.name.startsWith(TRAVEL_TAG_PREFIX)) this.#appender.add(record);
    else this.#add(record);
  }

  /**
   * Says that it is complete. Resolves once all of it is synced, with what the index is to know; with undefined where the
   * appender has failed.
   */
  async end(durationMs: number): Promise<Fragment | undefined> {
    const { id, isBackfill } = this;
    const [bytes, frames, contentCrc] = [this.#bytes, this.#frames, this.#contentCrc];
    const record = encodeEnd(this.id, { durationMs, bytes, frames, contentCrc });
    const last = await new Promise<number | undefined>((resolve) => this.#appender.add(record, resolve));
    if (last === undefined || this.#begin === undefined) return undefined;
    const { producerMs, serverMs, init } = this.#start;
    const [begin, end, initCrc] = [this.#begin, last + 1, crc32(init)];
    return { id, begin, end, producerMs, serverMs, durationMs, bytes, frames, contentCrc, initCrc, isBackfill };
  }

  /** What makes two records of different fragments the same is all but the id. */
  #add([head, data]: [Buffer, Uint8Array]): void {
    this.#contentCrc = crc32(head.subarray(CRC_FROM), this.#contentCrc);
    // Node's crc32 of no bytes forgets what came before where the memory is none at all.
    if (data.length > 0) this.#contentCrc = crc32(data, this.#contentCrc);
    this.#appender.add([head, data]);
  }
}

/** Behind version, kind and id. */
const CRC_FROM = 10;
