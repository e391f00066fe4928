const SPACE: u8 = 0x20;
const QUOTE: u8 = 0x22;
const SLASH: u32 = 0x2f;
const BACKSLASH: u8 = 0x5c;
const DELETE: u8 = 0x7f;
const U: u32 = 0x75;
const HIGH_SURROGATES: u32 = 0xd800;
const LOW_SURROGATES: u32 = 0xdc00;
const NOT_HEXADECIMAL: u32 = 0xffff_ffff;

/** Where the last reading ended: at the closing quote, or at what is not read here. */
export let at: usize = 0;
/** Whether what stood there was ASCII; what escapes stand for does not count. */
export let isAscii: bool = true;

/**
 * Writes what a string stands for, which is never longer, its closing quote, and up to 15 bytes more. What stands there
 * without escapes is taken as it is.
 * @param from behind its opening quote.
 * @returns where what was written ends; 0 where the string has controls, escapes that there are not, or half of a surrogate pair.
 */
export function unescape(from: usize, into: usize): usize {
  const space = i8x16.splat(SPACE);
  const quote = i8x16.splat(QUOTE);
  const backslash = i8x16.splat(BACKSLASH);
  const del = i8x16.splat(DELETE);
  let out = into;
  let high = 0;
  at = from;
  while (true) {
    const bytes = v128.load(at);
    const odd = v128.or(i8x16.lt_u(bytes, space), i8x16.eq(bytes, del));
    const marks = v128.or(i8x16.eq(bytes, quote), i8x16.eq(bytes, backslash));
    const stops = i8x16.bitmask(v128.or(odd, marks));
    const highHere = i8x16.bitmask(bytes);
    v128.store(out, bytes);
    if (stops == 0) {
      high |= highHere;
      at += 16;
      out += 16;
      continue;
    }
    const plain = ctz(stops);
    high |= highHere & ((1 << plain) - 1);
    at += plain;
    out += plain;
    const stop = load<u8>(at);
    if (stop == QUOTE) {
      isAscii = high == 0;
      return out;
    }
    if (stop != BACKSLASH) return 0;
    at += 1;
    out = resolve(out);
    if (out == 0) return 0;
  }
}

/** Writes what an escape stands for whose backslash was read. */
function resolve(out: usize): usize {
  const letter = <u32>load<u8>(at);
  if (letter == U) {
    at += 1;
    return resolveNumber(out);
  }
  const meant = meaningOf(letter);
  if (meant == 0) return 0;
  at += 1;
  store<u8>(out, meant);
  return out + 1;
}

/** What a letter behind a backslash stands for; 0 where it is no escape. */
function meaningOf(letter: u32): u32 {
  if (letter == SLASH || letter == <u32>QUOTE || letter == <u32>BACKSLASH) return letter;
  if (letter == 0x6e) return 0x0a;
  if (letter == 0x74) return 0x09;
  if (letter == 0x72) return 0x0d;
  if (letter == 0x62) return 0x08;
  return letter == 0x66 ? 0x0c : 0;
}

/** Writes the character, as UTF-8, that a unit of UTF-16 or two of them stand for, whose first four digits come next. */
function resolveNumber(out: usize): usize {
  const unit = readUnit();
  if (unit == NOT_HEXADECIMAL) return 0;
  if (unit < 0x80) {
    store<u8>(out, unit);
    return out + 1;
  }
  if (unit < 0x800) {
    store<u8>(out, 0xc0 | (unit >> 6));
    store<u8>(out, 0x80 | (unit & 0x3f), 1);
    return out + 2;
  }
  if (unit - HIGH_SURROGATES >= 0x800) {
    store<u8>(out, 0xe0 | (unit >> 12));
    store<u8>(out, 0x80 | ((unit >> 6) & 0x3f), 1);
    store<u8>(out, 0x80 | (unit & 0x3f), 2);
    return out + 3;
  }
  if (unit >= LOW_SURROGATES || !step(BACKSLASH) || !step(<u8>U)) return 0;
  const low = readUnit();
  if (low - LOW_SURROGATES >= 0x400) return 0;
  const character = 0x1_0000 + ((unit - HIGH_SURROGATES) << 10) + (low - LOW_SURROGATES);
  store<u8>(out, 0xf0 | (character >> 18));
  store<u8>(out, 0x80 | ((character >> 12) & 0x3f), 1);
  store<u8>(out, 0x80 | ((character >> 6) & 0x3f), 2);
  store<u8>(out, 0x80 | (character & 0x3f), 3);
  return out + 4;
}

function step(byte: u8): bool {
  if (load<u8>(at) != byte) return false;
  at += 1;
  return true;
}

/** Four hexadecimal digits, up to the first that is none. */
function readUnit(): u32 {
  let unit: u32 = 0;
  for (let i = 0; i < 4; i++) {
    const digit = digitOf(load<u8>(at));
    if (digit == NOT_HEXADECIMAL) return NOT_HEXADECIMAL;
    unit = (unit << 4) | digit;
    at += 1;
  }
  return unit;
}

function digitOf(byte: u32): u32 {
  if (byte - 0x30 < 10) return byte - 0x30;
  const letter = (byte | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : NOT_HEXADECIMAL;
}
