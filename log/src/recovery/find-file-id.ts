import type { FileWindow } from "../files/file-window.js";
import type { FileId } from "../format/file-header.js";
import { alignDown8, frameHeaderBytes, frameIdAt, readFrameHeader } from "../format/frame.js";

/** Where a file's own header is lost, its frames tell its id. */
export async function findFileId(window: FileWindow): Promise<FileId | undefined> {
  for (let offset = 0; offset + frameHeaderBytes <= window.end; offset += 8) {
    if (!window.has(offset, frameHeaderBytes)) await window.load(offset, frameHeaderBytes);
    const header = readFrameHeader(window.view, window.bytes, window.at(offset));
    if (header !== undefined && header.offset === offset) return header.fileId;
  }
  return undefined;
}

/**
 * The first place from an offset on where a frame's header bears the id, be it intact or not; undefined where there is none
 * before the end. Searches a gigabyte or two in a second, where looking at each place takes ten times as long.
 */
export async function nextWithId(
  window: FileWindow,
  id: Uint8Array,
  offset: number,
  end: number,
): Promise<number | undefined> {
  for (let from = offset; from + frameHeaderBytes <= end;) {
    await window.load(from, frameHeaderBytes);
    const here = window.at(from);
    const idAt = window.bytes.indexOf(id, here + frameIdAt);
    if (idAt < 0) {
      // An id may begin in the window's last bytes.
      from += Math.max(8, alignDown8(window.bytes.length - here - frameIdAt));
      continue;
    }
    const at = from + (idAt - frameIdAt - here);
    if (at % 8 === 0) return at < end ? at : undefined;
    from = alignDown8(at) + 8;
  }
  return undefined;
}
