import * as escapes from "./json-escapes.ts";

const SPACE: u8 = 0x20;
const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;

/** Bytes behind a text that are read with it; the first is zero, which ends whatever is read. */
export const PADDING_BYTES: usize = 64;

/** Where the text is being read. */
export let at: usize = 0;
/** The string that was read last, without its quotes. */
export let from: usize = 0;
export let to: usize = 0;

export function startAt(place: usize): void {
  at = place;
}

/** Steps over white space and one byte, if it is this one. */
export function take(byte: u8): bool {
  skipSpace();
  if (load<u8>(at) != byte) return false;
  at += 1;
  return true;
}

export function skipSpace(): void {
  let next = load<u8>(at);
  while (next == SPACE || next == 0x0a || next == 0x0d || next == 0x09) next = load<u8>(++at);
}

/** Reads a string of printable ASCII without escapes, which means what stands there. */
export function plainString(): bool {
  return take(QUOTE) && endAt(plainEnd(at));
}

/** Reads a string of printable ASCII, whose reader sees whether there are escapes and which. */
export function escapedString(): bool {
  if (!take(QUOTE)) return false;
  let end = plainEnd(at);
  // What stands behind a backslash does not end the string, whatever it is.
  while (load<u8>(end) == BACKSLASH) end = plainEnd(end + 2);
  return endAt(end);
}

/** The first byte from a place on that is no printable ASCII, a quote or a backslash. */
function plainEnd(start: usize): usize {
  let place = start;
  let stops = 0;
  for (; ; place += 16) {
    const bytes = v128.load(place);
    const quotes = i8x16.eq(bytes, i8x16.splat(QUOTE));
    // Controls, and signed as they are here, whatever is not ASCII.
    const odd = v128.or(i8x16.lt_s(bytes, i8x16.splat(SPACE)), i8x16.eq(bytes, i8x16.splat(0x7f)));
    stops = i8x16.bitmask(v128.or(v128.or(quotes, odd), i8x16.eq(bytes, i8x16.splat(BACKSLASH))));
    if (stops != 0) break;
  }
  return place + ctz(stops);
}

/** Whether the last {@link utf8String} stood there as ASCII. */
export let isAscii: bool = true;

/**
 * Reads a string without controls, which means what stands there if that is UTF-8: for its reader to see. What has escapes is
 * written without them to `into`.
 */
export function utf8String(into: usize): bool {
  if (!take(QUOTE)) return false;
  let place = at;
  let stops = 0;
  let high = 0;
  for (; ; place += 16) {
    const bytes = v128.load(place);
    const quotes = i8x16.eq(bytes, i8x16.splat(QUOTE));
    const odd = v128.or(i8x16.lt_u(bytes, i8x16.splat(SPACE)), i8x16.eq(bytes, i8x16.splat(0x7f)));
    stops = i8x16.bitmask(v128.or(v128.or(quotes, odd), i8x16.eq(bytes, i8x16.splat(BACKSLASH))));
    const highHere = i8x16.bitmask(bytes);
    if (stops != 0) {
      high |= highHere & ((1 << ctz(stops)) - 1);
      break;
    }
    high |= highHere;
  }
  place += ctz(stops);
  if (load<u8>(place) == BACKSLASH) return unescapedFrom(into);
  isAscii = high == 0;
  return endAt(place);
}

/** Reads a string as {@link utf8String} does, into other memory in any case, its closing quote behind it. */
export function unescapedString(into: usize): bool {
  return take(QUOTE) && unescapedFrom(into);
}

function unescapedFrom(into: usize): bool {
  from = into;
  to = escapes.unescape(at, into);
  at = escapes.at;
  if (to == 0) return false;
  isAscii = escapes.isAscii;
  at += 1;
  return true;
}

/** Begins with a string that its reader follows to its end by itself. */
export function openString(): bool {
  if (!take(QUOTE)) return false;
  from = at;
  return true;
}

/** Ends the string that begins here, if it does so at this place. */
export function endAt(place: usize): bool {
  from = at;
  to = place;
  at = place;
  if (load<u8>(place) != QUOTE) return false;
  at += 1;
  return true;
}
