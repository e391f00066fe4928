import type { Fragment } from "./fragment.js";

/*
 * What lies in a stream's index shard, one entry a complete fragment; numbers are big-endian:
 *
 *     version (1) = 2 | fragment id (8) | begin, end, scan from, producer time, server time, duration, bytes (f64 each)
 *     | frames (4) | CRC-32 of the content (4) | CRC-32 of the init (4)
 *     | flags (1): 1 backfill
 *
 * Version 1 has no flags.
 */
export interface IndexEntry {
  readonly fragment: Fragment;
  /** Where in the media shard to look for fragments that were still coming when this entry was written. */
  readonly scanFrom: number;
}

const VERSION = 2;
const DOUBLES_AT = 9;
const WORDS_AT = DOUBLES_AT + 7 * 8;
const FLAGS_AT = WORDS_AT + 3 * 4;
const ENTRY_BYTES = FLAGS_AT + 1;

export function encodeIndexEntry({ fragment, scanFrom }: IndexEntry): Buffer {
  const { id, begin, end, producerMs, serverMs, durationMs, bytes, frames, contentCrc, initCrc, isBackfill } = fragment;
  const entry = Buffer.allocUnsafe(ENTRY_BYTES);
  entry.writeUInt8(VERSION, 0);
  entry.writeBigUInt64BE(id, 1);
  for (const [i, value] of [begin, end, scanFrom, producerMs, serverMs, durationMs, bytes].entries()) {
    entry.writeDoubleBE(value, DOUBLES_AT + i * 8);
  }
  for (const [i, value] of [frames, contentCrc, initCrc].entries()) entry.writeUInt32BE(value, WORDS_AT + i * 4);
  entry.writeUInt8(Number(isBackfill), FLAGS_AT);
  return entry;
}

/** @throws {RangeError} where the bytes are no entry. */
export function decodeIndexEntry(entry: Buffer): IndexEntry {
  const version = entry.readUInt8(0);
  if (version < 1 || version > VERSION) throw new RangeError(`index entry has version ${version}, known is ${VERSION}`);
  const double = (i: number): number => entry.readDoubleBE(DOUBLES_AT + i * 8);
  const word = (i: number): number => entry.readUInt32BE(WORDS_AT + i * 4);
  return {
    fragment: {
      id: entry.readBigUInt64BE(1),
      begin: double(0),
      end: double(1),
      producerMs: double(3),
      serverMs: double(4),
      durationMs: double(5),
      bytes: double(6),
      frames: word(0),
      contentCrc: word(1),
      initCrc: word(2),
      isBackfill: version > 1 && entry.readUInt8(FLAGS_AT) !== 0,
    },
    scanFrom: double(2),
  };
}
