import { access, constants } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, join, resolve } from "node:path";
import { CaptureError } from "./capture-source.js";

/** The path of a program, looked for on PATH unless its name has a slash; `undefined` where there is none. */
export async function findProgram(name: string, path = process.env["PATH"] ?? ""): Promise<string | undefined> {
  const candidates = name.includes("/")
    ? [resolve(name)]
    : path
        .split(delimiter)
        .filter((directory) => directory !== "")
        .map((directory) => join(directory, name));
  for (const candidate of candidates) if (await isExecutable(candidate)) return candidate;
  return undefined;
}

/**
 * The path of a program that captures. `ffmpeg` may also come from the npm package ffmpeg-static, which is nobody's
 * dependency, since it downloads the program when it is installed.
 * @param importer a file from where the package is looked for.
 * @throws {CaptureError} `program-missing`, with how to get it.
 */
export async function findCaptureProgram(
  name: string,
  path = process.env["PATH"] ?? "",
  importer: string | URL = import.meta.url,
): Promise<string> {
  const found = (await findProgram(name, path)) ?? (name === "ffmpeg" ? await findFfmpegStatic(importer) : undefined);
  if (found !== undefined) return found;
  const remedy =
    name === "ffmpeg" ? ": install the system's ffmpeg (apt-get install ffmpeg), or npm install ffmpeg-static" : "";
  throw new CaptureError("program-missing", `${name} is not installed${remedy}`);
}

async function findFfmpegStatic(importer: string | URL): Promise<string | undefined> {
  let path: unknown;
  try {
    path = createRequire(importer)("ffmpeg-static");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "MODULE_NOT_FOUND") return undefined;
    throw new CaptureError("program-missing", "ffmpeg is not installed, and ffmpeg-static does not load", { cause });
  }
  // Null where it has none for this machine; and where its download was skipped, nothing is at its path.
  return typeof path === "string" && (await isExecutable(path)) ? path : undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
