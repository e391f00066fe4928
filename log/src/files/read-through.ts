import type { DiskFile } from "../api.js";

/** What the disk cannot give is asked for again in such pages. */
const pageBytes = 4096;
/** Stands for bytes that cannot be read: no checksum takes it for data, and it is not what was never written. */
export const unreadable = 0xff;

/**
 * Fills the buffer, or as much of it as the file has; answers how much. Pages that the disk cannot read cost themselves
 * only: they read as 0xff, and whoever verifies checksums finds the damage.
 */
export async function readThrough(file: DiskFile, buffer: Uint8Array, offset: number): Promise<number> {
  try {
    return await readAll(file, buffer, offset);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
  }
  for (let at = 0; at < buffer.length;) {
    const end = Math.min(buffer.length, at + pageBytes - ((offset + at) % pageBytes));
    const page = buffer.subarray(at, end);
    try {
      const read = await readAll(file, page, offset + at);
      if (read < page.length) return at + read;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      page.fill(unreadable);
    }
    at = end;
  }
  return buffer.length;
}

async function readAll(file: DiskFile, buffer: Uint8Array, offset: number): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const read = await file.read(buffer.subarray(done), offset + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

function isUnreadable(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EIO";
}
