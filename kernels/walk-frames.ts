import { crc32 } from "./crc32.ts";

// A frame's header, see log/src/format/frame.ts.
const HEADER_BYTES: usize = 56;
const RECORD: u32 = 1;
const PAYLOAD_BYTES_MAX: u32 = 16 << 20;

// Of the table, see log/src/shard/frame-piece.ts.
const ENTRY_BYTES: usize = 32;

const WINDOW_BYTES: i32 = 128 << 10;
const FRAME_BYTES_MIN: i32 = 64;
/** Where frames are put to be walked, and how many bytes of them at most. */
export const windowAt: usize = memory.data(WINDOW_BYTES, 16);
export const windowBytes: i32 = WINDOW_BYTES;
/** What was found: an entry for each record. */
export const tableAt: usize = memory.data((WINDOW_BYTES / FRAME_BYTES_MIN) * 32, 16);

/** How far the last walk came, in bytes of the window. */
export let walked: usize = 0;
/** Whether it ended because a limit was reached. */
export let isFull: bool = false;
/** Payload bytes of all records that it found. */
export let payloadBytes: u32 = 0;

/**
 * Walks over the records of a shard that lie one after the other, and verifies each: header and what follows it. Ends before
 * whatever is none: that is for somebody else to look at.
 * @param bytes how many are in the window.
 * @param low records before this position are verified and not noted.
 * @param stop ends before this position.
 * @param framesMax of the records that are noted.
 * @param bytesMax of their payloads.
 * @param mayExceed whether the first that is noted may be longer than that.
 * @param base where the window's first byte stands, for the table.
 * @returns how many records are in the table.
 */
export function walk(
  bytes: usize,
  shard: u32,
  low: f64,
  stop: f64,
  framesMax: u32,
  bytesMax: f64,
  mayExceed: bool,
  base: u32,
): u32 {
  const end = windowAt + bytes;
  let at = windowAt;
  let count: u32 = 0;
  let total: f64 = 0;
  isFull = false;
  while (at + HEADER_BYTES <= end) {
    const sectionBytes = (<u32>load<u8>(at, 5)) << 3;
    const payload = load<u32>(at, 8);
    if (load<u8>(at, 4) != RECORD || payload > PAYLOAD_BYTES_MAX || load<u32>(at, 28) != shard) break;
    const frameEnd = at + ((HEADER_BYTES + sectionBytes + payload + 7) & ~7);
    if (frameEnd > end || load<u32>(at) != crc32(at + 4, at + HEADER_BYTES)) break;
    const position = number(at + 32);
    if (position >= stop) break;
    if (load<u32>(at, 12) != crc32(at + HEADER_BYTES, frameEnd)) break;
    if (position >= low) {
      const isFirst = mayExceed && count == 0;
      isFull = count >= framesMax || (!isFirst && total + <f64>max(payload, 1) > bytesMax);
      if (isFull) break;
      const entry = tableAt + <usize>count * ENTRY_BYTES;
      store<f64>(entry, position);
      store<f64>(entry, number(at + 40), 8);
      store<u32>(entry, base + <u32>(at - windowAt), 16);
      store<u32>(entry, base + <u32>(at - windowAt + HEADER_BYTES + sectionBytes), 20);
      store<u32>(entry, payload, 24);
      count++;
      total += <f64>payload;
      low = position + 1;
    }
    at = frameEnd;
  }
  walked = at - windowAt;
  payloadBytes = <u32>total;
  return count;
}

function number(at: usize): f64 {
  return <f64>load<u32>(at) + <f64>load<u32>(at, 4) * 4294967296;
}
