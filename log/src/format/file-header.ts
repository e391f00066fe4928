import { randomBytes } from "node:crypto";
import { shortChecksum } from "./checksum.js";
import { getUint64, setUint64 } from "./frame.js";

/*
 * The start of a journal or segment, little endian.
 *
 *   0 "HDWLOG\r\n"                8 u32 format version         12 u32 checksum of bytes 16 to the header's end
 *  16 u64 file id                24 u32 file number            28 u32 shard number (segments; 0xffffffff in journals)
 *  32 u32 links                  36 u32 0                      40 links: u64 file id, u64 sealed length
 */
export const formatVersion = 1;
const magic = Buffer.from("HDWLOG\r\n", "latin1");
const fixedBytes = 40;
const linkBytes = 16;
/** Only a repair after a crash links to more than one file: one for each journal that was open. */
const linksMax = 4096;

/** Random 64 bits, in two halves because comparing numbers is much quicker than comparing bigints. */
export interface FileId {
  readonly low: number;
  readonly high: number;
}

/** Says how much of an earlier file counts: what lies behind was never acknowledged. */
export interface Link {
  readonly fileId: FileId;
  readonly sealedBytes: number;
}

export interface FileHeader {
  readonly fileId: FileId;
  readonly fileNumber: number;
  readonly shard: number;
  readonly links: readonly Link[];
}

export function randomFileId(): FileId {
  const bytes = randomBytes(8);
  return { low: bytes.readUInt32LE(0), high: bytes.readUInt32LE(4) };
}

export function fileIdHex(id: FileId): string {
  return id.high.toString(16).padStart(8, "0") + id.low.toString(16).padStart(8, "0");
}

/** @param hex 16 digits, as {@link fileIdHex} writes them. */
export function parseFileIdHex(hex: string): FileId {
  return { high: parseInt(hex.slice(0, 8), 16), low: parseInt(hex.slice(8), 16) };
}

/** As headers hold it. */
export function fileIdBytes(id: FileId): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(id.low, 0);
  bytes.writeUInt32LE(id.high, 4);
  return bytes;
}

export function sameFileId(a: FileId, b: FileId): boolean {
  return a.low === b.low && a.high === b.high;
}

export function fileHeaderBytes(links: number): number {
  return fixedBytes + links * linkBytes;
}

/** Longest header that {@link decodeFileHeader} takes. */
export const fileHeaderBytesMax = fileHeaderBytes(linksMax);

export function encodeFileHeader(header: FileHeader): Buffer {
  if (header.links.length > linksMax) throw new RangeError(`over ${linksMax} links`);
  const bytes = Buffer.alloc(fileHeaderBytes(header.links.length));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  magic.copy(bytes);
  view.setUint32(8, formatVersion, true);
  view.setUint32(16, header.fileId.low, true);
  view.setUint32(20, header.fileId.high, true);
  view.setUint32(24, header.fileNumber, true);
  view.setUint32(28, header.shard, true);
  view.setUint32(32, header.links.length, true);
  header.links.forEach((link, i) => {
    view.setUint32(fixedBytes + i * linkBytes, link.fileId.low, true);
    view.setUint32(fixedBytes + i * linkBytes + 4, link.fileId.high, true);
    setUint64(view, fixedBytes + i * linkBytes + 8, link.sealedBytes);
  });
  view.setUint32(12, shortChecksum(bytes, 16, bytes.length), true);
  return bytes;
}

/** Undefined where the bytes are no intact header of this format version. */
export function decodeFileHeader(bytes: Buffer): FileHeader | undefined {
  if (bytes.length < fixedBytes || !bytes.subarray(0, 8).equals(magic)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const links = view.getUint32(32, true);
  if (view.getUint32(8, true) !== formatVersion || links > linksMax || bytes.length < fileHeaderBytes(links))
    return undefined;
  if (view.getUint32(12, true) !== shortChecksum(bytes, 16, fileHeaderBytes(links))) return undefined;
  return {
    fileId: { low: view.getUint32(16, true), high: view.getUint32(20, true) },
    fileNumber: view.getUint32(24, true),
    shard: view.getUint32(28, true),
    links: Array.from({ length: links }, (_, i) => ({
      fileId: {
        low: view.getUint32(fixedBytes + i * linkBytes, true),
        high: view.getUint32(fixedBytes + i * linkBytes + 4, true),
      },
      sealedBytes: getUint64(view, fixedBytes + i * linkBytes + 8),
    })),
  };
}
