import * as base64 from "./base64.ts";
import { crc32 } from "./crc32.ts";
import * as entryHashKeys from "./entry-hash-keys.ts";
import * as hashKey from "./hash-key.ts";
import * as json from "./plain-json.ts";

/*
 * Reads the records of PutRecords' and PutRecord's bodies, part after part of a body: each record as it is stored
 * (cloud/src/streams/stored-record.ts), and an entry of what is to be known of it:
 *
 *   0 f64 first 48 bits of its hash key      24 u32 where it ends among the stored bytes of all
 *   8 u8[16] hash key, big endian            28 u32 bytes of its partition key and data
 *                                            32 u32 CRC-32 of its stored bytes
 */
const ENTRY_BYTES: usize = 40;

/** The longest part. A record that is longer is left to others. */
export const inputBytesMax: usize = 2 << 20;
export const entriesMax: usize = 500;
export const inputAt: usize = 0x1_0000;
/** The stored bytes of the part's records, which are fewer than they stand in the body. */
export const outputAt: usize = inputAt + inputBytesMax + 0x1000;
export const entriesAt: usize = outputAt + inputBytesMax + 0x1000;
/** The record's strings without their escapes, which are never longer. */
const unescapedAt: usize = entriesAt + entriesMax * ENTRY_BYTES;
const memoryBytes: usize = unescapedAt + inputBytesMax + 0x1000;

if (memory.grow(<i32>((memoryBytes + 0xffff) >> 16)) < 0) unreachable();

/** What {@link read} answers. */
const NOT_PLAIN: i32 = 0;
const READ: i32 = 1;
const READ_IN_PART: i32 = 2;

const OPEN_OBJECT: u8 = 0x7b;
const CLOSE_OBJECT: u8 = 0x7d;
const OPEN_LIST: u8 = 0x5b;
const CLOSE_LIST: u8 = 0x5d;
const COLON: u8 = 0x3a;
const COMMA: u8 = 0x2c;
const KEY_CHARACTERS_MAX: usize = 256;
/** A character of UTF-16, in which AWS counts, has so many bytes in UTF-8 at most. */
const CHARACTER_BYTES_MAX: usize = 3;
const VERSION: u8 = 1;
const HAS_EXPLICIT_HASH_KEY: u8 = 1;
/** What a record begins with as it is stored, and an explicit hash key behind it. */
const HEAD_BYTES: usize = 4;
const HASH_KEY_BYTES: usize = 16;

/** Of the body so far: records, and where its stream's name and ARN stand; no member does at 0. */
export let count: usize = 0;
export let nameFrom: usize = 0;
export let nameTo: usize = 0;
export let arnFrom: usize = 0;
export let arnTo: usize = 0;
/** Whether all partition keys are ASCII. Otherwise the body has to be seen to be UTF-8. */
export let areKeysAscii: bool = true;
/** Of the last part: bytes that need not be read again, and those that they became. */
export let readBytes: usize = 0;
export let outputBytes: usize = 0;

let isSingle: bool = false;
let isInList: bool = false;
let hasRecords: bool = false;
/** Where the part begins in the body, and among the stored bytes. */
let inputBase: usize = 0;
let outputBase: usize = 0;

/** Where the next record goes. */
let output: usize = 0;
/** Behind the last whole record. */
let readTo: usize = 0;
/** As they were when the list began, before which no reading stops. */
let nameFromBefore: usize = 0;
let arnFromBefore: usize = 0;

/** Of the record being read; no member stands at 0. */
let keyFrom: usize = 0;
let hasHashKey: bool = false;
/** Where its data was decoded to. */
let dataAt: usize = 0;
let dataEnd: usize = 0;
/** What stands before its data as it is stored; as in the record before as long as it was not read. */
let keyBytes: usize = 0;
let hashKeyBytes: usize = 0;
/** Where its next string without escapes goes. */
let unescaped: usize = 0;

/** Where the part ends, unless that is where the body ends. */
let cutAt: usize = 0;
/** Whether data is looked through for escapes: not before some was no base64, since that costs time. */
let isDataEscaped: bool = false;

/** Begins with a body: of one record beside its stream's name, or of a list. */
export function begin(single: bool): void {
  isSingle = single;
  isInList = false;
  hasRecords = false;
  isDataEscaped = false;
  count = 0;
  areKeysAscii = true;
  keyBytes = 0;
  hashKeyBytes = 0;
  nameFrom = 0;
  arnFrom = 0;
  inputBase = 0;
  outputBase = 0;
  readBytes = 0;
  outputBytes = 0;
}

/**
 * Reads a body's next part, which lies at {@link inputAt}. Where it ends amid a record, the next
 * part begins after {@link readBytes}.
 * @returns whether the body was read, in part only, or is nothing that is read here.
 */
export function read(bytes: usize, isLast: bool): i32 {
  inputBase += readBytes;
  outputBase += outputBytes;
  output = outputAt;
  json.startAt(inputAt);
  readTo = inputAt;
  const end = inputAt + bytes;
  memory.fill(end, 0, json.PADDING_BYTES);
  cutAt = isLast ? usize.MAX_VALUE : end;
  const isRead = isSingle ? single() : list();
  entryHashKeys.hashWaiting();
  outputBytes = output - outputAt;
  if (isRead) {
    json.skipSpace();
    if (json.at == end && isLast) return READ;
  }
  readBytes = readTo - inputAt;
  if (isLast || json.at < end) return NOT_PLAIN;
  // What stood behind the last whole record comes again.
  if (isSingle || !isInList) begin(isSingle);
  else {
    hasRecords = true;
    nameFrom = nameFromBefore;
    arnFrom = arnFromBefore;
  }
  return READ_IN_PART;
}

function single(): bool {
  const start = json.at;
  if (singleRecord()) return true;
  if (!mayBeEscaped()) return false;
  json.startAt(start);
  nameFrom = 0;
  arnFrom = 0;
  return singleRecord();
}

function singleRecord(): bool {
  beginRecord();
  if (!json.take(OPEN_OBJECT)) return false;
  do {
    if (!json.plainString()) return false;
    if (!(isStreamName() || isStreamArn() ? referenceMember() : recordMember())) return false;
  } while (json.take(COMMA));
  return json.take(CLOSE_OBJECT) && addRecord();
}

function list(): bool {
  if (isInList) {
    if (!restOfList()) return false;
    if (!json.take(COMMA)) return json.take(CLOSE_OBJECT);
  } else if (!json.take(OPEN_OBJECT)) return false;
  do {
    if (!json.plainString()) return false;
    if (isRecords()) {
      if (hasRecords || !json.take(COLON) || !json.take(OPEN_LIST) || !record()) return false;
      hasRecords = true;
      if (!restOfList()) return false;
    } else if (!referenceMember()) return false;
  } while (json.take(COMMA));
  return hasRecords && json.take(CLOSE_OBJECT);
}

/** What follows a record. */
function restOfList(): bool {
  while (json.take(COMMA)) if (!record()) return false;
  return json.take(CLOSE_LIST);
}

/**
 * Whether what could not be read should be read once more, with an eye on escapes in its data: not where it just has no end yet.
 */
function mayBeEscaped(): bool {
  if (isDataEscaped || json.at >= cutAt) return false;
  isDataEscaped = true;
  return true;
}

function record(): bool {
  if (count >= entriesMax) return false;
  const start = json.at;
  if (!members()) {
    if (!mayBeEscaped()) return false;
    json.startAt(start);
    if (!members()) return false;
  }
  if (!isInList) {
    isInList = true;
    nameFromBefore = nameFrom;
    arnFromBefore = arnFrom;
  }
  readTo = json.at;
  return true;
}

function members(): bool {
  beginRecord();
  if (!json.take(OPEN_OBJECT)) return false;
  do {
    if (!json.plainString() || !recordMember()) return false;
  } while (json.take(COMMA));
  return json.take(CLOSE_OBJECT) && addRecord();
}

function referenceMember(): bool {
  if (isStreamName()) {
    if (nameFrom != 0 || !json.take(COLON) || !json.escapedString()) return false;
    nameFrom = inputBase + json.from - inputAt;
    nameTo = inputBase + json.to - inputAt;
    return true;
  }
  if (!isStreamArn() || arnFrom != 0 || !json.take(COLON) || !json.escapedString()) return false;
  arnFrom = inputBase + json.from - inputAt;
  arnTo = inputBase + json.to - inputAt;
  return true;
}

function recordMember(): bool {
  if (isData()) return dataAt == 0 && json.take(COLON) && dataValue();
  if (isPartitionKey()) {
    if (keyFrom != 0 || !json.take(COLON) || !json.utf8String(unescaped)) return false;
    if (json.from == unescaped) unescaped = json.to;
    if (!json.isAscii) areKeysAscii = false;
    if (json.to == json.from || !isShortKey(json.from, json.to)) return false;
    keyFrom = json.from;
    keyBytes = json.to - json.from;
    return true;
  }
  if (!isExplicitHashKey() || hasHashKey || !json.take(COLON) || !json.plainString()) return false;
  hasHashKey = true;
  hashKeyBytes = HASH_KEY_BYTES;
  return hashKey.readHashKey(json.from, json.to);
}

/**
 * Decodes data to where it is to lie. Most clients write it before its key: then that is where it would lie behind one as long as
 * the last record's, and {@link addRecord} moves it where that is wrong.
 */
function dataValue(): bool {
  if (!(isDataEscaped ? json.unescapedString(unescaped) : json.openString())) return false;
  dataAt = output + HEAD_BYTES + hashKeyBytes + keyBytes;
  dataEnd = base64.decodeBase64(json.from, dataAt);
  return (isDataEscaped ? base64.end == json.to : json.endAt(base64.end)) && dataEnd != 0;
}

function isShortKey(from: usize, to: usize): bool {
  const bytes = to - from;
  if (bytes <= KEY_CHARACTERS_MAX) return true;
  if (bytes > KEY_CHARACTERS_MAX * CHARACTER_BYTES_MAX) return false;
  let characters: usize = 0;
  for (let at = from; at < to; at++) {
    const byte = load<u8>(at);
    // Behind the first byte of a character come others of their own; one of four bytes is two in UTF-16.
    if ((byte & 0xc0) != 0x80) characters += byte < 0xf0 ? 1 : 2;
  }
  return characters <= KEY_CHARACTERS_MAX;
}

function beginRecord(): void {
  keyFrom = 0;
  dataAt = 0;
  hasHashKey = false;
  unescaped = unescapedAt;
}

/** Ends the record being read. */
function addRecord(): bool {
  if (keyFrom == 0 || dataAt == 0) return false;
  if (!hasHashKey) hashKeyBytes = 0;
  const keyAt = output + HEAD_BYTES + hashKeyBytes;
  const behindKey = keyAt + keyBytes;
  const dataBytes = dataEnd - dataAt;
  const end = behindKey + dataBytes;
  // Before the key, in whose place it may stand.
  if (dataAt != behindKey) memory.copy(behindKey, dataAt, dataBytes);
  const entry = entriesAt + count * ENTRY_BYTES;
  store<u8>(output, VERSION);
  store<u8>(output, hasHashKey ? HAS_EXPLICIT_HASH_KEY : 0, 1);
  store<u16>(output, bswap<u16>(<u16>keyBytes), 2);
  if (hasHashKey) {
    entryHashKeys.setExplicit(entry, hashKey.high, hashKey.low);
    memory.copy(output + HEAD_BYTES, entry + 8, HASH_KEY_BYTES);
  } else if (isSingle) entryHashKeys.hash(entry, keyFrom, keyBytes);
  else entryHashKeys.hashSoon(entry, keyFrom, keyBytes);
  memory.copy(keyAt, keyFrom, keyBytes);
  store<u32>(entry, outputBase + end - outputAt, 24);
  store<u32>(entry, keyBytes + dataBytes, 28);
  store<u32>(entry, crc32(output, end), 32);
  output = end;
  count += 1;
  return true;
}

/** Names, compared as words of eight, four, two and one bytes. */
function isData(): bool {
  return json.to - json.from == 4 && load<u32>(json.from) == 0x6174_6144;
}

function isPartitionKey(): bool {
  if (json.to - json.from != 12) return false;
  return load<u64>(json.from) == 0x6f69_7469_7472_6150 && load<u32>(json.from, 8) == 0x7965_4b6e;
}

function isExplicitHashKey(): bool {
  if (json.to - json.from != 15) return false;
  return load<u64>(json.from) == 0x7469_6369_6c70_7845 && load<u64>(json.from, 7) == 0x7965_4b68_7361_4874;
}

function isRecords(): bool {
  return json.to - json.from == 7 && load<u32>(json.from) == 0x6f63_6552 && load<u32>(json.from, 3) == 0x7364_726f;
}

function isStreamName(): bool {
  if (json.to - json.from != 10) return false;
  return load<u64>(json.from) == 0x614e_6d61_6572_7453 && load<u16>(json.from, 8) == 0x656d;
}

function isStreamArn(): bool {
  return json.to - json.from == 9 && load<u64>(json.from) == 0x5241_6d61_6572_7453 && load<u8>(json.from, 8) == 0x4e;
}
