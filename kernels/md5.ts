/** Of the 64 steps. */
export const sines: usize = memory.data<u32>(
  [
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8,
    0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340,
    0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87,
    0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c,
    0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039,
    0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92,
    0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
    0xeb86d391,
  ],
  16,
);
const block: usize = memory.data(64, 16);
const BLOCK_BYTES: usize = 64;

/** The last digest, as four words; not for secrets, keys are only spread by it. */
export let digest0: u32 = 0;
export let digest1: u32 = 0;
export let digest2: u32 = 0;
export let digest3: u32 = 0;

/**
 * MD5 of some bytes.
 * @see RFC 1321
 */
export function md5(from: usize, bytes: usize): void {
  digest0 = 0x67452301;
  digest1 = 0xefcdab89;
  digest2 = 0x98badcfe;
  digest3 = 0x10325476;
  let at = from;
  let rest = bytes;
  for (; rest >= BLOCK_BYTES; rest -= BLOCK_BYTES, at += BLOCK_BYTES) mix(at);
  memory.copy(block, at, rest);
  store<u8>(block + rest, 0x80);
  memory.fill(block + rest + 1, 0, BLOCK_BYTES - 1 - rest);
  if (rest >= 56) {
    mix(block);
    memory.fill(block, 0, 56);
  }
  store<u64>(block, (<u64>bytes) << 3, 56);
  mix(block);
}

/** One block, in four rounds of sixteen steps. */
function mix(words: usize): void {
  let a = digest0;
  let b = digest1;
  let c = digest2;
  let d = digest3;
  for (let i: usize = 0; i < 16; i += 4) {
    const w = words + (i << 2);
    const k = sines + (i << 2);
    a = b + rotl<u32>(a + (d ^ (b & (c ^ d))) + load<u32>(w) + load<u32>(k), 7);
    d = a + rotl<u32>(d + (c ^ (a & (b ^ c))) + load<u32>(w, 4) + load<u32>(k, 4), 12);
    c = d + rotl<u32>(c + (b ^ (d & (a ^ b))) + load<u32>(w, 8) + load<u32>(k, 8), 17);
    b = c + rotl<u32>(b + (a ^ (c & (d ^ a))) + load<u32>(w, 12) + load<u32>(k, 12), 22);
  }
  for (let i: usize = 0; i < 16; i += 4) {
    const k = sines + 64 + (i << 2);
    const w = i * 5 + 1;
    a = b + rotl<u32>(a + (c ^ (d & (b ^ c))) + word(words, w) + load<u32>(k), 5);
    d = a + rotl<u32>(d + (b ^ (c & (a ^ b))) + word(words, w + 5) + load<u32>(k, 4), 9);
    c = d + rotl<u32>(c + (a ^ (b & (d ^ a))) + word(words, w + 10) + load<u32>(k, 8), 14);
    b = c + rotl<u32>(b + (d ^ (a & (c ^ d))) + word(words, w + 15) + load<u32>(k, 12), 20);
  }
  for (let i: usize = 0; i < 16; i += 4) {
    const k = sines + 128 + (i << 2);
    const w = i * 3 + 5;
    a = b + rotl<u32>(a + (b ^ c ^ d) + word(words, w) + load<u32>(k), 4);
    d = a + rotl<u32>(d + (a ^ b ^ c) + word(words, w + 3) + load<u32>(k, 4), 11);
    c = d + rotl<u32>(c + (d ^ a ^ b) + word(words, w + 6) + load<u32>(k, 8), 16);
    b = c + rotl<u32>(b + (c ^ d ^ a) + word(words, w + 9) + load<u32>(k, 12), 23);
  }
  for (let i: usize = 0; i < 16; i += 4) {
    const k = sines + 192 + (i << 2);
    const w = i * 7;
    a = b + rotl<u32>(a + (c ^ (b | ~d)) + word(words, w) + load<u32>(k), 6);
    d = a + rotl<u32>(d + (b ^ (a | ~c)) + word(words, w + 7) + load<u32>(k, 4), 10);
    c = d + rotl<u32>(c + (a ^ (d | ~b)) + word(words, w + 14) + load<u32>(k, 8), 15);
    b = c + rotl<u32>(b + (d ^ (c | ~a)) + word(words, w + 21) + load<u32>(k, 12), 21);
  }
  digest0 += a;
  digest1 += b;
  digest2 += c;
  digest3 += d;
}

function word(words: usize, i: usize): u32 {
  return load<u32>(words + ((i & 15) << 2));
}
