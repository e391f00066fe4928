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

/** Read from n bytes before its middle, all bits of a block's first n bytes. */
const firstBytes: usize = memory.data<u8>(
  [
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0,
  ],
  16,
);

const EQUALS: u8 = 0x3d;

/** Where the text ends that was decoded last: behind its padding, at what is no base64. */
export let end: usize = 0;

/**
 * Decodes base64 of the standard alphabet, up to what is none; reads up to 64 bytes from there on, and writes up to 52
 * behind what it decodes to.
 * @returns where the bytes end; 0 where the text up to its {@link end} has no such length, or bits that belong to no byte.
 */
export function decodeBase64(from: usize, into: usize): usize {
  let at = from;
  let out = into;
  // Constants would be made anew in each turn.
  const low = v128.load(lowNibbles);
  const high = v128.load(highNibbles);
  const offset = v128.load(offsets);
  const bytes = v128.load(order);
  const nibble = i8x16.splat(0x0f);
  const slash = i8x16.splat(0x2f);
  const evenByte = i16x8.splat(0x00ff);
  const weights = i32x4.splat((1 << 16) | 0x1000);
  // Four blocks a turn: a turn itself costs about as much as half of one.
  for (; ; at += 64, out += 48) {
    const a = v128.load(at);
    const upperA = v128.and(i16x8.shr_u(a, 4), nibble);
    const wrongA = v128.and(i8x16.swizzle(low, v128.and(a, nibble)), i8x16.swizzle(high, upperA));
    const sixA = i8x16.add(a, i8x16.swizzle(offset, i8x16.add(i8x16.eq(a, slash), upperA)));
    v128.store(out, i8x16.swizzle(joined(sixA, evenByte, weights), bytes));
    const b = v128.load(at, 16);
    const upperB = v128.and(i16x8.shr_u(b, 4), nibble);
    const wrongB = v128.and(i8x16.swizzle(low, v128.and(b, nibble)), i8x16.swizzle(high, upperB));
    const sixB = i8x16.add(b, i8x16.swizzle(offset, i8x16.add(i8x16.eq(b, slash), upperB)));
    v128.store(out, i8x16.swizzle(joined(sixB, evenByte, weights), bytes), 12);
    const c = v128.load(at, 32);
    const upperC = v128.and(i16x8.shr_u(c, 4), nibble);
    const wrongC = v128.and(i8x16.swizzle(low, v128.and(c, nibble)), i8x16.swizzle(high, upperC));
    const sixC = i8x16.add(c, i8x16.swizzle(offset, i8x16.add(i8x16.eq(c, slash), upperC)));
    v128.store(out, i8x16.swizzle(joined(sixC, evenByte, weights), bytes), 24);
    const d = v128.load(at, 48);
    const upperD = v128.and(i16x8.shr_u(d, 4), nibble);
    const wrongD = v128.and(i8x16.swizzle(low, v128.and(d, nibble)), i8x16.swizzle(high, upperD));
    const sixD = i8x16.add(d, i8x16.swizzle(offset, i8x16.add(i8x16.eq(d, slash), upperD)));
    v128.store(out, i8x16.swizzle(joined(sixD, evenByte, weights), bytes), 36);
    if (v128.any_true(v128.or(v128.or(wrongA, wrongB), v128.or(wrongC, wrongD)))) break;
  }
  // How much of a block is base64.
  let whole: usize = 16;
  for (; ; at += 16, out += 12) {
    const characters = v128.load(at);
    const upper = v128.and(i16x8.shr_u(characters, 4), nibble);
    const wrong = v128.and(i8x16.swizzle(low, v128.and(characters, nibble)), i8x16.swizzle(high, upper));
    let six = i8x16.add(characters, i8x16.swizzle(offset, i8x16.add(i8x16.eq(characters, slash), upper)));
    if (v128.any_true(wrong)) {
      whole = ctz(i8x16.bitmask(i8x16.ne(wrong, i8x16.splat(0))));
      six = v128.and(six, v128.load(firstBytes + 16 - whole));
    }
    v128.store(out, i8x16.swizzle(joined(six, evenByte, weights), bytes));
    if (whole < 16) break;
  }
  at += whole;
  end = at;
  if (load<u8>(end) == EQUALS) end += load<u8>(end, 1) == EQUALS ? 2 : 1;
  out += (whole * 3) >> 2;
  // Bits that belong to no byte are zero.
  return ((end - from) & 3) == 0 && load<u8>(out) == 0 ? out : 0;
}

/** Each character's six bits make twelve of two, then 24 of four. */
function joined(six: v128, evenByte: v128, weights: v128): v128 {
  const twelve = v128.or(i16x8.shl(v128.and(six, evenByte), 6), i16x8.shr_u(six, 8));
  return i32x4.dot_i16x8_s(twelve, weights);
}
