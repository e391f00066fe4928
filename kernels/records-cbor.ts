import { arrivalMs, dataAt, endAt, keyAt, openRecord, outputAt, startAt, writeKey } from "./stored-records.ts";

const BYTES: u32 = 2 << 5;
const TEXT: u32 = 3 << 5;

/** A map of four, and the name of its first member, `Data`: names go by their length. */
const dataName: usize = memory.data<u8>(
  [0xa4, 0x64, 0x44, 0x61, 0x74, 0x61, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  16,
);
const DATA_NAME_BYTES: usize = 6;
/** `PartitionKey` */
const keyName: usize = memory.data<u8>(
  [0x6c, 0x50, 0x61, 0x72, 0x74, 0x69, 0x74, 0x69, 0x6f, 0x6e, 0x4b, 0x65, 0x79, 0x00, 0x00, 0x00],
  16,
);
const KEY_NAME_BYTES: usize = 13;
/** `SequenceNumber`, and the head of a text of 56 digits. */
const numberName: usize = memory.data<u8>(
  [0x6e, 0x53, 0x65, 0x71, 0x75, 0x65, 0x6e, 0x63, 0x65, 0x4e, 0x75, 0x6d, 0x62, 0x65, 0x72, 0x78],
  16,
);
const NUMBER_NAME_BYTES: usize = 17;
/** `ApproximateArrivalTimestamp`, and the tag of a date. */
const arrivalName: usize = memory.data<u8>(
  [
    0x78, 0x1b, 0x41, 0x70, 0x70, 0x72, 0x6f, 0x78, 0x69, 0x6d, 0x61, 0x74, 0x65, 0x41, 0x72, 0x72, 0x69, 0x76, 0x61,
    0x6c, 0x54, 0x69, 0x6d, 0x65, 0x73, 0x74, 0x61, 0x6d, 0x70, 0xc1, 0x00, 0x00,
  ],
  16,
);
const ARRIVAL_NAME_BYTES: usize = 30;

/** Where the digits of a sequence number begin in the text that JSON has of it. */
const DIGITS_AT: usize = 20;
const DIGITS: usize = 56;

/** Records that the last call wrote. */
export let cborRecords: u32 = 0;

/**
 * Writes records as CBOR, whose text is UTF-8 as a partition key is. Ends before whatever is not as expected.
 * @param first the entry to begin with.
 * @param base where the first byte of the input stands, by the table.
 * @returns how many bytes it wrote.
 * @see RFC 8949
 */
export function writeCbor(first: u32, count: u32, base: u32): usize {
  let out = outputAt;
  let i = first;
  for (; i < count; i++) {
    if (!openRecord(i, base)) break;
    v128.store(out, v128.load(dataName));
    out = writeHead(out + DATA_NAME_BYTES, BYTES, endAt - dataAt);
    memory.copy(out, dataAt, endAt - dataAt);
    out += endAt - dataAt;
    v128.store(out, v128.load(keyName));
    out = writeKey(writeHead(out + KEY_NAME_BYTES, TEXT, dataAt - keyAt));
    v128.store(out, v128.load(numberName));
    store<u8>(out, <u8>DIGITS, 16);
    out += NUMBER_NAME_BYTES;
    for (let n: usize = 0; n < 64; n += 16) v128.store(out + n, v128.load(startAt + DIGITS_AT + n));
    out += DIGITS;
    v128.store(out, v128.load(arrivalName));
    v128.store(out, v128.load(arrivalName, 16), 16);
    out = writeHead(out + ARRIVAL_NAME_BYTES, 0, <u64>arrivalMs);
  }
  cborRecords = i - first;
  return out - outputAt;
}

/** The head of an item: its major type, and a number in as few bytes as hold it. */
function writeHead(out: usize, major: u32, number: u64): usize {
  if (number < 24) {
    store<u8>(out, major | (<u32>number));
    return out + 1;
  }
  if (number < 0x100) {
    store<u8>(out, major | 24);
    store<u8>(out, <u8>number, 1);
    return out + 2;
  }
  if (number < 0x10000) {
    store<u8>(out, major | 25);
    store<u16>(out, bswap<u16>(<u16>number), 1);
    return out + 3;
  }
  if (number < 0x100000000) {
    store<u8>(out, major | 26);
    store<u32>(out, bswap<u32>(<u32>number), 1);
    return out + 5;
  }
  store<u8>(out, major | 27);
  store<u64>(out, bswap<u64>(number), 1);
  return out + 9;
}
