import * as md5 from "./md5.ts";
import * as four from "./md5-of-four.ts";

/*
 * An entry's hash key, and its first 48 bits as a number (put-records.ts). Short partition keys wait until there are four.
 */
const FIRST48_AT: usize = 0;
const HASH_KEY_AT: usize = 8;

/** The entries of those that wait. */
const waitingEntries: usize = memory.data(four.TEXTS * sizeof<usize>(), 16);
let waiting: usize = 0;

/** Sets an entry's hash key as it was given. */
export function setExplicit(entry: usize, high: u64, low: u64): void {
  store<u64>(entry + HASH_KEY_AT, bswap<u64>(high));
  store<u64>(entry + HASH_KEY_AT, bswap<u64>(low), 8);
  setFirst48(entry);
}

/** Sets an entry's hash key by its partition key. */
export function hash(entry: usize, from: usize, bytes: usize): void {
  md5.md5(from, bytes);
  store<u32>(entry + HASH_KEY_AT, md5.digest0);
  store<u32>(entry + HASH_KEY_AT, md5.digest1, 4);
  store<u32>(entry + HASH_KEY_AT, md5.digest2, 8);
  store<u32>(entry + HASH_KEY_AT, md5.digest3, 12);
  setFirst48(entry);
}

/** The same for one of many entries, at the latest by {@link hashWaiting}. */
export function hashSoon(entry: usize, from: usize, bytes: usize): void {
  if (bytes > four.TEXT_BYTES_MAX) {
    hash(entry, from, bytes);
    return;
  }
  four.setText(waiting, from, bytes);
  store<usize>(waitingEntries + waiting * sizeof<usize>(), entry);
  waiting += 1;
  if (waiting == four.TEXTS) hashWaiting();
}

export function hashWaiting(): void {
  if (waiting == 0) return;
  four.digestAll();
  for (let i: usize = 0; i < waiting; i++) {
    const entry = load<usize>(waitingEntries + i * sizeof<usize>());
    v128.store(entry + HASH_KEY_AT, v128.load(four.digestAt(i)));
    setFirst48(entry);
  }
  waiting = 0;
}

function setFirst48(entry: usize): void {
  store<f64>(entry + FIRST48_AT, <f64>(bswap<u64>(load<u64>(entry + HASH_KEY_AT)) >> 16));
}
