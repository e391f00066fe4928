const TABLES: i32 = 8;
const TABLE_BYTES: i32 = 1024;
const tables: usize = memory.data(TABLES * TABLE_BYTES, 16);

const BLOCK_BYTES: i32 = 16;
/** A block reaches into the fifth behind it, so that so much stays over. */
const REST_BYTES: i32 = 6 * BLOCK_BYTES;
const rest: usize = memory.data(REST_BYTES + BLOCK_BYTES, 16);
const FOLDED_BYTES_MIN: usize = 2 * REST_BYTES;

fillTables();

/** CRC-32 as in zlib. */
export function crc32(from: usize, to: usize): u32 {
  if (to - from < FOLDED_BYTES_MIN) return ~remainder(from, to, 0xffffffff);
  return ~remainder(rest, rest + fold(from, to), 0);
}

/**
 * Moves a long stretch into its last bytes, which it leaves in {@link rest}: their remainder is the stretch's. The checksum's
 * polynomial divides x^600 + x^310 + x^234 + x^178 + 1, so a word counts for as much as itself 290, 366, 422 and 600 bits further
 * on; these distances are so long that two blocks are always on their way at once.
 * @returns how many bytes are left.
 * @see https://arxiv.org/abs/2412.16398, which does the same by half the distances
 */
function fold(from: usize, to: usize): usize {
  const zero = i64x2.splat(0);
  let current = v128.xor(v128.load(from), i32x4.replace_lane(zero, 0, -1));
  let next = v128.load(from, 16);
  // What is to be added to the blocks behind these, and words of it that are half in the next block.
  let second = zero;
  let third = zero;
  let fourth = zero;
  let across2 = zero;
  let across3 = zero;
  let across4 = zero;
  let at = from;
  for (const last = to - REST_BYTES - BLOCK_BYTES; at <= last; at += BLOCK_BYTES) {
    const to2 = v128.xor(i64x2.shr_u(current, 30), i64x2.shl(current, 46));
    const to3 = i64x2.shr_u(current, 26);
    const to4 = i64x2.shl(current, 24);
    const carried = v128.xor(i64x2.shl(current, 34), v128.shuffle<i64>(across2, to2, 1, 2));
    const behind = v128.xor(v128.xor(v128.load(at, 32), second), carried);
    const nearer = v128.xor(i64x2.shr_u(current, 18), i64x2.shl(current, 38));
    second = v128.xor(v128.xor(third, v128.shuffle<i64>(across3, to3, 1, 2)), nearer);
    third = v128.xor(fourth, v128.shuffle<i64>(across4, to4, 1, 2));
    fourth = i64x2.shr_u(current, 40);
    across2 = to2;
    across3 = to3;
    across4 = to4;
    current = next;
    next = behind;
  }
  second = v128.xor(second, v128.shuffle<i64>(across2, zero, 1, 2));
  third = v128.xor(third, v128.shuffle<i64>(across3, zero, 1, 2));
  fourth = v128.xor(fourth, v128.shuffle<i64>(across4, zero, 1, 2));
  v128.store(rest, current);
  v128.store(rest, next, 16);
  v128.store(rest, v128.xor(v128.load(at, 32), second), 32);
  v128.store(rest, v128.xor(v128.load(at, 48), third), 48);
  v128.store(rest, v128.xor(v128.load(at, 64), fourth), 64);
  memory.copy(rest + 80, at + 80, to - at - 80);
  return to - at;
}

/** By tables, eight bytes at a time. */
function remainder(from: usize, to: usize, before: u32): u32 {
  let crc = before;
  let at = from;
  for (; at + 8 <= to; at += 8) {
    const low = load<u32>(at) ^ crc;
    const high = load<u32>(at, 4);
    // In pairs: what comes of the bytes before is waited for in as few steps as there can be.
    const ofHigh = entry(3, high) ^ entry(2, high >> 8) ^ (entry(1, high >> 16) ^ entry(0, high >> 24));
    crc = ofHigh ^ (entry(7, low) ^ entry(6, low >> 8) ^ (entry(5, low >> 16) ^ entry(4, low >> 24)));
  }
  for (; at < to; at++) crc = entry(0, crc ^ load<u8>(at)) ^ (crc >> 8);
  return crc;
}

function entry(table: usize, byte: u32): u32 {
  return load<u32>(tables + table * TABLE_BYTES + ((byte & 0xff) << 2));
}

function fillTables(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
    store<u32>(tables + (byte << 2), crc);
  }
  // Each further table is for a byte that stands one place further from the end.
  for (let i = tables + TABLE_BYTES; i < tables + TABLES * TABLE_BYTES; i += 4) {
    const crc = load<u32>(i - TABLE_BYTES);
    store<u32>(i, (crc >> 8) ^ entry(0, crc));
  }
}
