import { sines } from "./md5.ts";

export const TEXTS: usize = 4;
/** Texts of so many bytes at most make one block. */
export const TEXT_BYTES_MAX: usize = 55;

const BLOCK_BYTES: usize = 64;
const BLOCK_WORDS: usize = 16;
const LANES_BYTES: usize = 16;
/** The texts' blocks, one after the other. */
const blocks: usize = memory.data(256, 16);
/** Their words: the first of each, the second of each and so on. */
const words: usize = memory.data(256, 16);
const digests: usize = memory.data(64, 16);

/** Sets one of the texts. */
export function setText(i: usize, from: usize, bytes: usize): void {
  const block = blocks + i * BLOCK_BYTES;
  memory.copy(block, from, bytes);
  store<u8>(block + bytes, 0x80);
  memory.fill(block + bytes + 1, 0, BLOCK_BYTES - 1 - bytes);
  store<u32>(block, bytes << 3, 56);
}

/** Where the digest of one of the texts is. */
export function digestAt(i: usize): usize {
  return digests + i * LANES_BYTES;
}

/**
 * MD5 of the texts, each in a lane: a step waits for the one before, so four at once take little longer than one.
 * @see RFC 1321
 */
export function digestAll(): void {
  for (let i: usize = 0; i < BLOCK_BYTES; i += LANES_BYTES) transpose(blocks + i, BLOCK_BYTES, words + (i << 2));
  const a0 = i32x4.splat(0x67452301);
  const b0 = i32x4.splat(0xefcdab89);
  const c0 = i32x4.splat(0x98badcfe);
  const d0 = i32x4.splat(0x10325476);
  const all = i32x4.splat(-1);
  let a = a0;
  let b = b0;
  let c = c0;
  let d = d0;
  for (let i: usize = 0; i < BLOCK_WORDS; i += 4) {
    const k = sines + (i << 2);
    a = step(b, a, v128.xor(d, v128.and(b, v128.xor(c, d))), i, k, 7);
    d = step(a, d, v128.xor(c, v128.and(a, v128.xor(b, c))), i + 1, k + 4, 12);
    c = step(d, c, v128.xor(b, v128.and(d, v128.xor(a, b))), i + 2, k + 8, 17);
    b = step(c, b, v128.xor(a, v128.and(c, v128.xor(d, a))), i + 3, k + 12, 22);
  }
  for (let i: usize = 0; i < BLOCK_WORDS; i += 4) {
    const k = sines + 64 + (i << 2);
    const w = i * 5 + 1;
    a = step(b, a, v128.xor(c, v128.and(d, v128.xor(b, c))), w, k, 5);
    d = step(a, d, v128.xor(b, v128.and(c, v128.xor(a, b))), w + 5, k + 4, 9);
    c = step(d, c, v128.xor(a, v128.and(b, v128.xor(d, a))), w + 10, k + 8, 14);
    b = step(c, b, v128.xor(d, v128.and(a, v128.xor(c, d))), w + 15, k + 12, 20);
  }
  for (let i: usize = 0; i < BLOCK_WORDS; i += 4) {
    const k = sines + 128 + (i << 2);
    const w = i * 3 + 5;
    a = step(b, a, v128.xor(b, v128.xor(c, d)), w, k, 4);
    d = step(a, d, v128.xor(a, v128.xor(b, c)), w + 3, k + 4, 11);
    c = step(d, c, v128.xor(d, v128.xor(a, b)), w + 6, k + 8, 16);
    b = step(c, b, v128.xor(c, v128.xor(d, a)), w + 9, k + 12, 23);
  }
  for (let i: usize = 0; i < BLOCK_WORDS; i += 4) {
    const k = sines + 192 + (i << 2);
    const w = i * 7;
    a = step(b, a, v128.xor(c, v128.or(b, v128.xor(d, all))), w, k, 6);
    d = step(a, d, v128.xor(b, v128.or(a, v128.xor(c, all))), w + 7, k + 4, 10);
    c = step(d, c, v128.xor(a, v128.or(d, v128.xor(b, all))), w + 14, k + 8, 15);
    b = step(c, b, v128.xor(d, v128.or(c, v128.xor(a, all))), w + 21, k + 12, 21);
  }
  v128.store(words, i32x4.add(a, a0));
  v128.store(words, i32x4.add(b, b0), 16);
  v128.store(words, i32x4.add(c, c0), 32);
  v128.store(words, i32x4.add(d, d0), 48);
  transpose(words, LANES_BYTES, digests);
}

function step(to: v128, sum: v128, mixed: v128, word: usize, sine: usize, bits: i32): v128 {
  const added = i32x4.add(v128.load(words + ((word & 15) << 4)), v128.load32_splat(sine));
  const all = i32x4.add(i32x4.add(sum, added), mixed);
  return i32x4.add(to, v128.or(i32x4.shl(all, bits), i32x4.shr_u(all, 32 - bits)));
}

/** Writes four words of each of four rows, a column after the other. */
function transpose(from: usize, rowBytes: usize, into: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + rowBytes);
  const c = v128.load(from + 2 * rowBytes);
  const d = v128.load(from + 3 * rowBytes);
  const lowAb = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const lowCd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const highAb = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const highCd = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(into, v128.shuffle<i64>(lowAb, lowCd, 0, 2));
  v128.store(into, v128.shuffle<i64>(lowAb, lowCd, 1, 3), 16);
  v128.store(into, v128.shuffle<i64>(highAb, highCd, 0, 2), 32);
  v128.store(into, v128.shuffle<i64>(highAb, highCd, 1, 3), 48);
}
