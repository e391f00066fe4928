import { access, constants } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";

/** The path of a program, looked for on PATH unless its name has a slash; `undefined` where there is none. */
export async function findProgram(name: string, path = process.env["PATH"] ?? ""): Promise<string | undefined> {
  const candidates = name.includes("/")
    ? [resolve(name)]
    : path
        .split(delimiter)
        .filter((directory) => directory !== "")
        .map((directory) => join(directory, name));
  for (const candidate of candidates) {
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      // the next one
    }
  }
  return undefined;
}
