import { encodeBase64 } from "./base64-encode.ts";
import {
  arrivalMs,
  dataAt,
  endAt,
  inputAt,
  keyAt,
  openRecord,
  outputAt,
  outputEnd,
  startAt,
  writeDigits,
  writeKey,
} from "./stored-records.ts";

const SPACE: i8 = 0x20;
const QUOTE: i8 = 0x22;
const BACKSLASH: i8 = 0x5c;
const QUOTE_BRACE: u32 = 0x7d22;

const START_BYTES: usize = 108;

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

/** What a record takes beside its data and its key, and more. */
const MEMBERS_BYTES: usize = 256;
/** `\\u00` */
const ESCAPE: u32 = 0x3030755c;
const ESCAPED_BYTES_MAX: usize = 6;

/** Later ones are not written as JavaScript would: it has no digits left for milliseconds. */
const ARRIVAL_MS_MAX: f64 = 1e15;

/** Records that the last call wrote. */
export let jsonRecords: u32 = 0;

let arrivalInText: f64 = -1;
let arrivalTextBytes: usize = 0;

/**
 * Writes records as JSON, each after a comma. Ends before one for which there may be no room, or that is not as expected.
 * @param first the entry to begin with.
 * @param base where the first byte of the input stands, by the table.
 * @returns how many bytes it wrote.
 */
export function writeJson(first: u32, count: u32, base: u32): usize {
  let out = outputAt;
  let i = first;
  for (; i < count; i++) {
    if (!openRecord(i, base) || !(arrivalMs < ARRIVAL_MS_MAX)) break;
    const isAsItIs = isPlain(keyAt, dataAt);
    // Where none is escaped there is room for all.
    if (out + bytesMax(isAsItIs) > outputEnd) break;
    if (arrivalMs != arrivalInText) setArrival();
    for (let n: usize = 0; n < 112; n += 16) v128.store(out + n, v128.load(startAt + n));
    out += START_BYTES;
    v128.store(out, v128.load(arrivalText));
    v128.store(out, v128.load(arrivalText, 16), 16);
    out = encodeBase64(dataAt, endAt, out + arrivalTextBytes);
    v128.store(out, v128.load(keyStart));
    v128.store(out, v128.load(keyStart, 16), 16);
    out += KEY_START_BYTES;
    out = isAsItIs ? writeKey(out) : writeEscaped(keyAt, dataAt, out);
    store<u16>(out, QUOTE_BRACE);
    out += 2;
  }
  jsonRecords = i - first;
  return out - outputAt;
}

/** Writes the first bytes of the input as base64; answers how many that becomes. */
export function writeBase64(bytes: usize): usize {
  return encodeBase64(inputAt, inputAt + bytes, outputAt) - outputAt;
}

/** Whether a key, which is UTF-8, stands in JSON as it is. */
function isPlain(from: usize, to: usize): bool {
  for (let at = from; at < to; at += 16) {
    const text = v128.load(at);
    const low = i8x16.lt_u(text, i8x16.splat(SPACE));
    const marks = v128.or(i8x16.eq(text, i8x16.splat(QUOTE)), i8x16.eq(text, i8x16.splat(BACKSLASH)));
    const found = i8x16.bitmask(v128.or(low, marks));
    const left = to - at;
    if ((left < 16 ? found & ((1 << (<i32>left)) - 1) : found) != 0) return false;
  }
  return true;
}

/** What the record that was opened last may take. */
function bytesMax(isAsItIs: bool): usize {
  const keyBytes = (dataAt - keyAt) * (isAsItIs ? 1 : ESCAPED_BYTES_MAX);
  return MEMBERS_BYTES + keyBytes + ((endAt - dataAt) / 3 + 1) * 4;
}

/** Writes a key as JavaScript does. */
function writeEscaped(from: usize, to: usize, into: usize): usize {
  let out = into;
  for (let at = from; at < to; at++) {
    const byte = <u32>load<u8>(at);
    const letter = byte == <u32>QUOTE || byte == <u32>BACKSLASH ? byte : byte < <u32>SPACE ? letterOf(byte) : 0;
    if (letter != 0) {
      store<u8>(out++, BACKSLASH);
      store<u8>(out++, letter);
    } else if (byte >= <u32>SPACE) {
      store<u8>(out++, byte);
    } else {
      store<u32>(out, ESCAPE);
      store<u8>(out, 0x30 + (byte >> 4), 4);
      const low = byte & 15;
      store<u8>(out, low < 10 ? 0x30 + low : 0x57 + low, 5);
      out += ESCAPED_BYTES_MAX;
    }
  }
  return out;
}

/** What stands behind the backslash for a control that has a letter of its own; 0 for others. */
function letterOf(control: u32): u32 {
  if (control == 8) return 0x62;
  if (control == 9) return 0x74;
  if (control == 10) return 0x6e;
  if (control == 12) return 0x66;
  return control == 13 ? 0x72 : 0;
}

/** Seconds since 1970, with as many digits behind the point as there are. */
function setArrival(): void {
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
