/**
 * CRC-32 as in zlib, over a short stretch of bytes: quicker than the native call below about 200 bytes.
 * @param before the checksum of what comes before.
 */
export function shortChecksum(bytes: Uint8Array, from: number, to: number, before = 0): number {
  let crc = before ^ -1;
  for (let at = from; at < to; at++) crc = table[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

/** The same over a length that is a multiple of four: a frame's header, the most frequent checksum of all. */
export function wordsChecksum(view: DataView, from: number, to: number): number {
  let crc = -1;
  for (let at = from; at < to; at += 4) {
    crc ^= view.getInt32(at, true);
    crc = table3[crc & 0xff]! ^ table2[(crc >>> 8) & 0xff]! ^ table1[(crc >>> 16) & 0xff]! ^ table[crc >>> 24]!;
  }
  return (crc ^ -1) >>> 0;
}

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});
const table1 = next(table);
const table2 = next(table1);
const table3 = next(table2);

/** The table for a byte that stands one place further from the end. */
function next(previous: Int32Array): Int32Array {
  return previous.map((crc) => (crc >>> 8) ^ table[crc & 0xff]!);
}
