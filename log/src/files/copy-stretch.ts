import type { DiskFile } from "../api.js";

/** Copies a stretch of one file, or as much of it as the file has, to an offset of another. */
export async function copyStretch(
  source: DiskFile,
  offset: number,
  bytes: number,
  target: DiskFile,
  targetOffset: number,
): Promise<void> {
  const buffer = Buffer.alloc(Math.min(bytes, 1024 * 1024));
  for (let done = 0; done < bytes;) {
    const read = await source.read(buffer.subarray(0, Math.min(buffer.length, bytes - done)), offset + done);
    if (read === 0) return;
    await target.write([buffer.subarray(0, read)], targetOffset + done);
    done += read;
  }
}
