import { encodeBase64 } from "./base64-encode.ts";

// A record as it is stored, see ../src/streams/stored-record.ts.
const VERSION: u32 = 1;
const HEAD_BYTES: u32 = 4;
const HASH_KEY_BYTES: u32 = 16;

// Of the log's table, see log/src/shard/frame-piece.ts.
const ENTRY_BYTES: usize = 32;

const SPACE: i8 = 0x20;
const QUOTE: i8 = 0x22;
const BACKSLASH: i8 = 0x5c;
const QUOTE_BRACE: u32 = 0x7d22;

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
export const entriesMax: i32 = ENTRIES;
/** The table of its frames. */
export const entriesAt: usize = memory.data(ENTRIES * 32, 16);
/** The records as JSON. */
export const outputAt: usize = memory.data(OUTPUT_BYTES + 32, 16);

/** Up to the time: `,{"SequenceNumber":"`, the digits of the shard's first number, `","ApproximateArrivalTimestamp":`. */
export const startAt: usize = memory.data(112, 16);
const START_BYTES: usize = 108;
/** Where the digits of the position end in it. */
const POSITION_END: usize = 52;

/** The time of the record before, and what follows up to the data. */
const arrivalText: usize = memory.data(48, 16);
/** What stands between data and partition key: `","PartitionKey":"`. */
const keyStart: usize = memory.data<u8>(
  [
    0x22, 0x2c, 0x22, 0x50, 0x61, 0x72, 0x74, 0x69, 0x74, 0x69, 0x6f, 0x6e, 0x4b, 0x65, 0x79, 0x22, 0x3a, 0x22, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  ],
  16,
);
const KEY_START_BYTES: usize = 18;
/** `,"Data":"` */
const dataStart: usize = memory.data<u8>(
  [0x2c, 0x22, 0x44, 0x61, 0x74, 0x61, 0x22, 0x3a, 0x22, 0, 0, 0, 0, 0, 0, 0],
  16,
);
const DATA_START_BYTES: usize = 9;

/** Later ones are not written as JavaScript would: it has no digits left for milliseconds. */
const ARRIVAL_MS_MAX: f64 = 1e15;

/** Records that the last call wrote. */
export let written: u32 = 0;

let positionInStart: u64 = 0;
let arrivalInText: f64 = -1;
let arrivalTextBytes: usize = 0;

/** A shard's records begin: {@link startAt} says the first number. */
export function begin(): void {
  positionInStart = 0;
}

/**
 * Writes records as JSON, each after a comma. Ends before one that has to be written with more care: a partition key that is not
 * plain ASCII, or whatever is not as expected.
 * @param first the entry to begin with.
 * @param base where the first byte of the input stands, by the table.
 * @returns how many bytes it wrote.
 */
export function write(first: u32, count: u32, base: u32): usize {
  let out = outputAt;
  const shift = inputAt - base;
  let i = first;
  for (; i < count; i++) {
    const entry = entriesAt + <usize>i * ENTRY_BYTES;
    const stored = shift + load<u32>(entry, 20);
    const end = stored + load<u32>(entry, 24);
    const arrivalMs = load<f64>(entry, 8);
    if (end - stored < HEAD_BYTES || load<u8>(stored) != VERSION || !(arrivalMs < ARRIVAL_MS_MAX)) break;
    const keyAt = stored + HEAD_BYTES + (load<u8>(stored, 1) & 1) * HASH_KEY_BYTES;
    const dataAt = keyAt + (((<u32>load<u8>(stored, 2)) << 8) | load<u8>(stored, 3));
    if (dataAt > end || !isPlain(keyAt, dataAt)) break;
    setPosition(<u64>load<f64>(entry));
    if (arrivalMs != arrivalInText) setArrival(arrivalMs);
    for (let n: usize = 0; n < 112; n += 16) v128.store(out + n, v128.load(startAt + n));
    out += START_BYTES;
    v128.store(out, v128.load(arrivalText));
    v128.store(out, v128.load(arrivalText, 16), 16);
    out = encodeBase64(dataAt, end, out + arrivalTextBytes);
    v128.store(out, v128.load(keyStart));
    v128.store(out, v128.load(keyStart, 16), 16);
    out += KEY_START_BYTES;
    for (let from = keyAt, to = out; from < dataAt; from += 16, to += 16) v128.store(to, v128.load(from));
    out += dataAt - keyAt;
    store<u16>(out, QUOTE_BRACE);
    out += 2;
  }
  written = i - first;
  return out - outputAt;
}

/** Whether a key stands in JSON as it is. */
function isPlain(from: usize, to: usize): bool {
  for (let at = from; at < to; at += 16) {
    const text = v128.load(at);
    // Signed, so that bytes beyond ASCII are below, too.
    const low = i8x16.lt_s(text, i8x16.splat(SPACE));
    const marks = v128.or(i8x16.eq(text, i8x16.splat(QUOTE)), i8x16.eq(text, i8x16.splat(BACKSLASH)));
    const found = i8x16.bitmask(v128.or(low, marks));
    const left = to - at;
    if ((left < 16 ? found & ((1 << (<i32>left)) - 1) : found) != 0) return false;
  }
  return true;
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

/** Seconds since 1970, with as many digits behind the point as there are. */
function setArrival(arrivalMs: f64): void {
  const seconds = <u64>arrivalMs / 1000;
  let fraction = <u32>(<u64>arrivalMs % 1000);
  let digits: usize = 1;
  for (let rest = seconds; rest >= 10; rest /= 10) digits++;
  writeDigits(arrivalText + digits - 1, seconds);
  let at = arrivalText + digits;
  if (fraction != 0) {
    store<u8>(at++, 0x2e);
    for (let unit: u32 = 100; fraction != 0; unit /= 10) {
      store<u8>(at++, 0x30 + fraction / unit);
      fraction %= unit;
    }
  }
  v128.store(at, v128.load(dataStart));
  arrivalTextBytes = at + DATA_START_BYTES - arrivalText;
  arrivalInText = arrivalMs;
}

/** Writes a number whose last digit stands at a place. */
function writeDigits(last: usize, number: u64): void {
  let at = last;
  let rest = number;
  do {
    store<u8>(at--, 0x30 + <u8>(rest % 10));
    rest /= 10;
  } while (rest != 0);
}
