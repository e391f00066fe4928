/** 2^128 - 1 has as many. */
const DIGITS_MAX: usize = 39;

/** The number that was read last. */
export let high: u64 = 0;
export let low: u64 = 0;

/** Reads a whole number below 2^128 in decimal digits, without leading zeros. */
export function readHashKey(from: usize, to: usize): bool {
  const digits = to - from;
  if (digits < 1 || digits > DIGITS_MAX || (digits > 1 && load<u8>(from) == 0x30)) return false;
  // Four words, the lowest first.
  let a: u64 = 0;
  let b: u64 = 0;
  let c: u64 = 0;
  let d: u64 = 0;
  for (let at = from; at < to; at++) {
    const digit = <u32>load<u8>(at) - 0x30;
    if (digit > 9) return false;
    a = a * 10 + digit;
    b = b * 10 + (a >> 32);
    c = c * 10 + (b >> 32);
    d = d * 10 + (c >> 32);
    if (d >> 32 != 0) return false;
    a &= 0xffff_ffff;
    b &= 0xffff_ffff;
    c &= 0xffff_ffff;
  }
  high = (d << 32) | c;
  low = (b << 32) | a;
  return true;
}
