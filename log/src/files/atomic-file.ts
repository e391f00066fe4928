import { dirname } from "node:path";
import type { Disk } from "../api.js";

/** Replaces a small file so that a crash leaves the old bytes or the new ones: written aside, synced, renamed. */
export async function writeAtomically(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const aside = `${path}${asideSuffix}`;
  await disk.remove(aside);
  const file = await disk.open(aside, "create");
  try {
    await file.write([bytes], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(aside, path);
  await disk.syncDirectory(dirname(path));
}

/** Files that end so are left over from a crash and mean nothing. */
export const asideSuffix = ".tmp";

/**
 * The whole of a small file.
 * @param likelyBytes if the file is shorter, one read is enough, where a disk answers less only at a file's end.
 */
export async function readWhole(disk: Disk, path: string, likelyBytes = 0): Promise<Buffer> {
  const file = await disk.open(path, "read");
  try {
    if (likelyBytes > 0) {
      const bytes = Buffer.allocUnsafe(likelyBytes);
      const read = await file.read(bytes, 0);
      if (read < likelyBytes) return bytes.subarray(0, read);
    }
    const bytes = Buffer.alloc(await file.size());
    let length = 0;
    while (length < bytes.length) {
      const read = await file.read(bytes.subarray(length), length);
      if (read === 0) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}
