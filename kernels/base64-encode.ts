/** Which bytes make a group of three into 32 bits, for four groups. */
const groups: usize = memory.data<u8>([1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10], 16);
/** What is added to six bits to make a character: by 0 from 26 on, 1 to 10 for digits, 11 and 12 for `+` and `/`, 13 below 26. */
const offsets: usize = memory.data<u8>([71, 252, 252, 252, 252, 252, 252, 252, 252, 252, 252, 237, 240, 65, 0, 0], 16);

const EQUALS: u32 = 0x3d;

/**
 * Encodes bytes as base64 of the standard alphabet, with padding. Up to 16 bytes behind them are read, too.
 * @returns where the characters end.
 */
export function encodeBase64(from: usize, to: usize, into: usize): usize {
  let at = from;
  let out = into;
  // Constants would be made anew in each turn.
  const group = v128.load(groups);
  const offset = v128.load(offsets);
  const first = i32x4.splat(0x0000003f);
  const third = i32x4.splat(0x003f0000);
  const others = i32x4.splat(0x003f03f0);
  const weights = i32x4.splat(0x01000010);
  const small = i8x16.splat(26);
  const large = i8x16.splat(51);
  const capital = i8x16.splat(13);
  // Four blocks a turn: a turn itself costs about as much as one of them.
  for (; at + 52 <= to; at += 48, out += 64) {
    const a = i8x16.swizzle(v128.load(at), group);
    const b = i8x16.swizzle(v128.load(at, 12), group);
    const c = i8x16.swizzle(v128.load(at, 24), group);
    const d = i8x16.swizzle(v128.load(at, 36), group);
    const sixA = sixes(a, first, third, others, weights);
    const sixB = sixes(b, first, third, others, weights);
    const sixC = sixes(c, first, third, others, weights);
    const sixD = sixes(d, first, third, others, weights);
    const rangeA = v128.or(i8x16.sub_sat_u(sixA, large), v128.and(i8x16.gt_s(small, sixA), capital));
    const rangeB = v128.or(i8x16.sub_sat_u(sixB, large), v128.and(i8x16.gt_s(small, sixB), capital));
    const rangeC = v128.or(i8x16.sub_sat_u(sixC, large), v128.and(i8x16.gt_s(small, sixC), capital));
    const rangeD = v128.or(i8x16.sub_sat_u(sixD, large), v128.and(i8x16.gt_s(small, sixD), capital));
    v128.store(out, i8x16.add(sixA, i8x16.swizzle(offset, rangeA)));
    v128.store(out, i8x16.add(sixB, i8x16.swizzle(offset, rangeB)), 16);
    v128.store(out, i8x16.add(sixC, i8x16.swizzle(offset, rangeC)), 32);
    v128.store(out, i8x16.add(sixD, i8x16.swizzle(offset, rangeD)), 48);
  }
  // The last block may be encoded beyond its end; what is too much is overwritten.
  for (; at < to; at += 12, out += 16) {
    const six = sixes(i8x16.swizzle(v128.load(at), group), first, third, others, weights);
    const range = v128.or(i8x16.sub_sat_u(six, large), v128.and(i8x16.gt_s(small, six), capital));
    v128.store(out, i8x16.add(six, i8x16.swizzle(offset, range)));
  }
  return encodeLast(from, to, into);
}

/** Of four groups: each byte the six bits of one character. */
function sixes(group: v128, first: v128, third: v128, others: v128, weights: v128): v128 {
  const odd = v128.or(v128.and(i16x8.shr_u(group, 10), first), v128.and(i16x8.shr_u(group, 6), third));
  return v128.or(odd, i16x8.mul(v128.and(group, others), weights));
}

/** What is no whole group. */
function encodeLast(from: usize, to: usize, into: usize): usize {
  const bytes = to - from;
  const out = into + (bytes / 3) * 4;
  const left = bytes % 3;
  if (left == 0) return out;
  const a = <u32>load<u8>(to - left);
  const b = left == 1 ? 0 : <u32>load<u8>(to - 1);
  store<u8>(out, character(a >> 2));
  store<u8>(out, character(((a & 3) << 4) | (b >> 4)), 1);
  store<u8>(out, left == 1 ? EQUALS : character((b & 15) << 2), 2);
  store<u8>(out, EQUALS, 3);
  return out + 4;
}

function character(six: u32): u32 {
  if (six < 26) return 0x41 + six;
  if (six < 52) return 0x61 - 26 + six;
  if (six < 62) return 0x30 - 52 + six;
  return six == 62 ? 0x2b : 0x2f;
}
