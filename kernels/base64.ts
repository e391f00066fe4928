/** What a block of base64 is decoded by, each of 16 bytes. */
const lowNibbles: usize = memory.data<u8>(
  [0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a],
  16,
);
const highNibbles: usize = memory.data<u8>(
  [0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10],
  16,
);
const offsets: usize = memory.data<u8>([0, 16, 19, 4, 191, 191, 185, 185, 0, 0, 0, 0, 0, 0, 0, 0], 16);
const order: usize = memory.data<u8>([2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 255, 255, 255, 255], 16);

const EQUALS: u32 = 0x3d;
const NOT_BASE64: u32 = 0xff;

/**
 * Decodes base64 of the standard alphabet, up to 16 bytes of which may stand behind what it decodes to.
 * @param to a multiple of four behind `from`.
 * @returns where the bytes end; 0 where that was no base64.
 */
export function decodeBase64(from: usize, to: usize, into: usize): usize {
  if (from == to) return into;
  let at = from;
  let out = into;
  // The last four may hold padding.
  const last = to - 4;
  // Constants would be made anew in each turn.
  const low = v128.load(lowNibbles);
  const high = v128.load(highNibbles);
  const offset = v128.load(offsets);
  const bytes = v128.load(order);
  const nibble = i8x16.splat(0x0f);
  const slash = i8x16.splat(0x2f);
  const evenByte = i16x8.splat(0x00ff);
  const weights = i32x4.splat((1 << 16) | 0x1000);
  let wrong = i8x16.splat(0);
  // Four blocks a turn: a turn itself costs about as much as half of one.
  for (; at + 64 <= last; at += 64, out += 48) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    const upperA = v128.and(i16x8.shr_u(a, 4), nibble);
    const upperB = v128.and(i16x8.shr_u(b, 4), nibble);
    const upperC = v128.and(i16x8.shr_u(c, 4), nibble);
    const upperD = v128.and(i16x8.shr_u(d, 4), nibble);
    const wrongA = v128.and(i8x16.swizzle(low, v128.and(a, nibble)), i8x16.swizzle(high, upperA));
    const wrongB = v128.and(i8x16.swizzle(low, v128.and(b, nibble)), i8x16.swizzle(high, upperB));
    const wrongC = v128.and(i8x16.swizzle(low, v128.and(c, nibble)), i8x16.swizzle(high, upperC));
    const wrongD = v128.and(i8x16.swizzle(low, v128.and(d, nibble)), i8x16.swizzle(high, upperD));
    wrong = v128.or(wrong, v128.or(v128.or(wrongA, wrongB), v128.or(wrongC, wrongD)));
    const sixA = i8x16.add(a, i8x16.swizzle(offset, i8x16.add(i8x16.eq(a, slash), upperA)));
    const sixB = i8x16.add(b, i8x16.swizzle(offset, i8x16.add(i8x16.eq(b, slash), upperB)));
    const sixC = i8x16.add(c, i8x16.swizzle(offset, i8x16.add(i8x16.eq(c, slash), upperC)));
    const sixD = i8x16.add(d, i8x16.swizzle(offset, i8x16.add(i8x16.eq(d, slash), upperD)));
    v128.store(out, i8x16.swizzle(joined(sixA, evenByte, weights), bytes));
    v128.store(out, i8x16.swizzle(joined(sixB, evenByte, weights), bytes), 12);
    v128.store(out, i8x16.swizzle(joined(sixC, evenByte, weights), bytes), 24);
    v128.store(out, i8x16.swizzle(joined(sixD, evenByte, weights), bytes), 36);
  }
  for (; at + 16 <= last; at += 16, out += 12) {
    const characters = v128.load(at);
    const upper = v128.and(i16x8.shr_u(characters, 4), nibble);
    wrong = v128.or(wrong, v128.and(i8x16.swizzle(low, v128.and(characters, nibble)), i8x16.swizzle(high, upper)));
    const six = i8x16.add(characters, i8x16.swizzle(offset, i8x16.add(i8x16.eq(characters, slash), upper)));
    v128.store(out, i8x16.swizzle(joined(six, evenByte, weights), bytes));
  }
  if (v128.any_true(wrong)) return 0;
  for (; at < last; at += 4, out += 3) {
    const bits = fourAt(at);
    if (bits < 0) return 0;
    store24(out, bits);
  }
  return decodeLast(last, out);
}

/** Each character's six bits make twelve of two, then 24 of four. */
function joined(six: v128, evenByte: v128, weights: v128): v128 {
  const twelve = v128.or(i16x8.shl(v128.and(six, evenByte), 6), i16x8.shr_u(six, 8));
  return i32x4.dot_i16x8_s(twelve, weights);
}

function decodeLast(at: usize, out: usize): usize {
  if (load<u8>(at, 3) != EQUALS) {
    const bits = fourAt(at);
    if (bits < 0) return 0;
    store24(out, bits);
    return out + 3;
  }
  const a = sixOf(load<u8>(at));
  const b = sixOf(load<u8>(at, 1));
  const isOne = load<u8>(at, 2) == EQUALS;
  const c = isOne ? 0 : sixOf(load<u8>(at, 2));
  // Bits that belong to no byte are zero.
  if ((a | b | c) == NOT_BASE64 || (isOne ? b & 15 : c & 3) != 0) return 0;
  store<u8>(out, (a << 2) | (b >> 4));
  if (isOne) return out + 1;
  store<u8>(out, (b << 4) | (c >> 2), 1);
  return out + 2;
}

/** The 24 bits of four characters; negative where one of them is no base64. */
function fourAt(at: usize): i32 {
  const a = sixOf(load<u8>(at));
  const b = sixOf(load<u8>(at, 1));
  const c = sixOf(load<u8>(at, 2));
  const d = sixOf(load<u8>(at, 3));
  if ((a | b | c | d) == NOT_BASE64) return -1;
  return (a << 18) | (b << 12) | (c << 6) | d;
}

function store24(out: usize, bits: i32): void {
  store<u8>(out, bits >> 16);
  store<u8>(out, bits >> 8, 1);
  store<u8>(out, bits, 2);
}

/** {@link NOT_BASE64} has all bits, so that it shows in any union. */
function sixOf(character: u32): u32 {
  if (character - 0x41 < 26) return character - 0x41;
  if (character - 0x61 < 26) return character - 0x61 + 26;
  if (character - 0x30 < 10) return character - 0x30 + 52;
  if (character == 0x2b) return 62;
  return character == 0x2f ? 63 : NOT_BASE64;
}
