import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Files by path from the root. The rules read nothing else, so a test can hand them a tree that breaks one. */
export type Tree = ReadonlyMap<string, string>;

const TEXT = /(^|\/)(\.[\w.]+|LICENSE|run)$|\.(ts|js|cjs|mjs|py|sh|json|ya?ml|md|html|css|svg|txt)$/;

/** Everything that is, or would be, committed. */
export function repositoryTree(): Tree {
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  const list = (...choice: readonly string[]): string[] => {
    // Also where somebody else checked the repository out, which git refuses by itself.
    const args = ["-c", `safe.directory=${resolve(root)}`, "ls-files", "-z", ...choice];
    return execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 16 * 1024 * 1024 }).split("\0");
  };
  const deleted = new Set(list("--deleted"));
  const there = list("--cached", "--others", "--exclude-standard", "--deduplicate");
  const paths = there.filter((path) => TEXT.test(path) && !deleted.has(path));
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}
