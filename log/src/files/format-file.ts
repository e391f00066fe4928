import { dirname } from "node:path";
import type { Disk } from "../api.js";
import { LogError } from "../api.js";
import { formatVersion } from "../format/file-header.js";
import { readWhole, writeAtomically } from "./atomic-file.js";

/**
 * Sees to it that a directory is of our format, making a new one so.
 * @throws {LogError} `unsupported-format` where a newer version wrote it, or something else did.
 */
export async function checkFormat(disk: Disk, path: string): Promise<void> {
  const names = await disk.list(dirname(path));
  if (!names.includes("format")) {
    await writeAtomically(disk, path, Buffer.from(`headwater-log ${formatVersion}\n`));
    return;
  }
  const text = (await readWhole(disk, path)).toString("latin1");
  const version = /^headwater-log (\d{1,9})\n$/.exec(text)?.[1];
  if (version === undefined) throw new LogError("unsupported-format", `${path} is not a log's`);
  if (Number(version) !== formatVersion) {
    const message = `${path} says format ${version}; this version of Headwater reads ${formatVersion}`;
    throw new LogError("unsupported-format", message);
  }
}
