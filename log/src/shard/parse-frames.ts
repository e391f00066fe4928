import { crc32 } from "node:zlib";
import type { FrameHeader } from "../format/frame.js";
import { FrameKind, frameBytes, frameHeaderBytes, readFrameHeader } from "../format/frame.js";

/** What stands at one place of a buffer that holds frames of a known shard, perhaps between others. */
export type Found =
  | { readonly is: "frame"; readonly header: FrameHeader; readonly end: number }
  | { readonly is: "other"; readonly header: FrameHeader; readonly end: number }
  | { readonly is: "damage"; readonly end: number; readonly header: FrameHeader | undefined }
  /** The buffer ends within the frame, which is so long. */
  | { readonly is: "cut"; readonly bytes: number };

/**
 * Looks at one place, and verifies what it answers. A bad header costs the bytes up to the next intact one.
 * @param wanted tells a header that may stand here from one that cannot.
 */
export function parseFrame(
  view: DataView,
  bytes: Buffer,
  at: number,
  shard: number,
  wanted: (header: FrameHeader) => boolean,
): Found {
  const header = readFrameHeader(view, bytes, at);
  if (header === undefined) {
    if (at + frameHeaderBytes > bytes.length) return { is: "cut", bytes: frameHeaderBytes };
    return { is: "damage", end: nextHeader(view, bytes, at + 8, wanted), header: undefined };
  }
  const length = frameBytes(header.sectionBytes, header.payloadBytes);
  if (at + length > bytes.length) return { is: "cut", bytes: length };
  const end = at + length;
  if (header.shard !== shard && header.kind !== FrameKind.mark) return { is: "other", header, end };
  if (crc32(bytes.subarray(at + frameHeaderBytes, end)) !== header.payloadChecksum)
    return { is: "damage", end, header };
  return { is: header.kind === FrameKind.mark ? "other" : "frame", header, end };
}

/** The next place with an intact header that may stand there; the buffer's end if there is none. */
export function nextHeader(
  view: DataView,
  bytes: Buffer,
  from: number,
  wanted: (header: FrameHeader) => boolean,
): number {
  for (let at = from; at + frameHeaderBytes <= bytes.length; at += 8) {
    // The kind, and two bytes that are always zero, rule out nearly everything at little cost.
    const kind = view.getUint8(at + 4);
    if (kind === 0 || kind > FrameKind.mark || view.getUint16(at + 6, true) !== 0) continue;
    const header = readFrameHeader(view, bytes, at);
    if (header !== undefined && wanted(header)) return at;
  }
  return bytes.length;
}
