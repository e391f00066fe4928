import { dirname } from "node:path";
import type { Disk } from "../api.js";
import { LogError } from "../api.js";
import { readWhole, writeAtomically } from "./atomic-file.js";

/** A directory's format. Each can be opened by a version that knows it or one after it. */
export const DirectoryFormat = {
  plain: 1,
  /** Journals may lie in files that are used again, under names that the first format does not know. */
  filesUsedAgain: 2,
} as const;
const newest = DirectoryFormat.filesUsedAgain;

/**
 * Sees to it that a directory is of a format that we know; makes a new one of the wanted format, and an older one, too, if the
 * disk lets it be. Answers the format that it has.
 * @throws {LogError} `unsupported-format` where a newer version wrote it, or something else did.
 */
export async function checkFormat(disk: Disk, path: string, wanted: number): Promise<number> {
  const names = await disk.list(dirname(path));
  if (!names.includes("format")) {
    await writeFormat(disk, path, wanted);
    return wanted;
  }
  const text = (await readWhole(disk, path)).toString("latin1");
  const version = /^headwater-log (\d{1,9})\n$/.exec(text)?.[1];
  if (version === undefined) throw new LogError("unsupported-format", `${path} is not a log's`);
  if (Number(version) < 1 || Number(version) > newest) {
    const message = `${path} says format ${version}; this version of Headwater reads 1 to ${newest}`;
    throw new LogError("unsupported-format", message);
  }
  if (Number(version) >= wanted) return Number(version);
  try {
    await writeFormat(disk, path, wanted);
    return wanted;
  } catch {
    return Number(version); // a log opens on a full disk, too
  }
}

function writeFormat(disk: Disk, path: string, version: number): Promise<void> {
  return writeAtomically(disk, path, Buffer.from(`headwater-log ${version}\n`));
}
