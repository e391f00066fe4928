// A record as it is stored, see cloud/src/streams/stored-record.ts.
const VERSION: u32 = 1;
const HEAD_BYTES: u32 = 4;
const HASH_KEY_BYTES: u32 = 16;

// Of the log's table, see log/src/shard/frame-piece.ts.
const ENTRY_BYTES: usize = 32;

const INPUT_BYTES: i32 = 128 << 10;
const FRAME_BYTES_MIN: i32 = 64;
const ENTRIES: i32 = INPUT_BYTES / FRAME_BYTES_MIN;
/** What a record takes beside its key and its data, and more. */
const MEMBERS_BYTES: i32 = 224;
/** Base64 of all of it, and no more than that for keys. */
const OUTPUT_BYTES: i32 = ENTRIES * MEMBERS_BYTES + (INPUT_BYTES / 3 + ENTRIES) * 4;

/** A piece of the log, of so many bytes at most. */
export const inputAt: usize = memory.data(INPUT_BYTES + 16, 16);
export const inputBytesMax: i32 = INPUT_BYTES;
/** The table of its frames, and how many there may be. */
export const entriesAt: usize = memory.data(ENTRIES * 32, 16);
export const entriesMax: i32 = ENTRIES;
/** The records as they are answered. */
export const outputAt: usize = memory.data(OUTPUT_BYTES + 32, 16);
export const outputEnd: usize = outputAt + OUTPUT_BYTES;

/** Up to the time, in JSON: `,{"SequenceNumber":"`, the digits of the shard's first number, `","ApproximateArrivalTimestamp":`. */
export const startAt: usize = memory.data(112, 16);
/** Where the digits of the position end in it. */
const POSITION_END: usize = 52;

// The record that was opened last.
export let keyAt: usize = 0;
export let dataAt: usize = 0;
export let endAt: usize = 0;
export let arrivalMs: f64 = 0;

let positionInStart: u64 = 0;

/** A shard's records begin: {@link startAt} says the first number. */
export function begin(): void {
  positionInStart = 0;
}

/**
 * Finds the parts of a record, and puts its position's digits where they belong.
 * @param base where the first byte of the input stands, by the table.
 * @returns whether it is a record as we store them.
 */
export function openRecord(index: u32, base: u32): bool {
  const entry = entriesAt + <usize>index * ENTRY_BYTES;
  const stored = inputAt - base + load<u32>(entry, 20);
  endAt = stored + load<u32>(entry, 24);
  if (endAt - stored < HEAD_BYTES || load<u8>(stored) != VERSION) return false;
  keyAt = stored + HEAD_BYTES + (load<u8>(stored, 1) & 1) * HASH_KEY_BYTES;
  dataAt = keyAt + (((<u32>load<u8>(stored, 2)) << 8) | load<u8>(stored, 3));
  if (dataAt > endAt) return false;
  arrivalMs = load<f64>(entry, 8);
  setPosition(<u64>load<f64>(entry));
  return true;
}

/** Copies a record's key, and up to 15 bytes more; answers where it ends. */
export function writeKey(out: usize): usize {
  for (let from = keyAt, to = out; from < dataAt; from += 16, to += 16) v128.store(to, v128.load(from));
  return out + (dataAt - keyAt);
}

/** Positions rise, so digits never become fewer. */
function setPosition(position: u64): void {
  let at = startAt + POSITION_END - 1;
  if (position == positionInStart + 1) {
    while (load<u8>(at) == 0x39) store<u8>(at--, 0x30);
    store<u8>(at, load<u8>(at) + 1);
  } else writeDigits(at, position);
  positionInStart = position;
}

/** Writes a number whose last digit stands at a place. */
export function writeDigits(last: usize, number: u64): void {
  let at = last;
  let rest = number;
  do {
    store<u8>(at--, 0x30 + <u8>(rest % 10));
    rest /= 10;
  } while (rest != 0);
}
