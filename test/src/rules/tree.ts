import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Files by path from the root. The rules read nothing else, so a test can hand them a tree that breaks one. */
export type Tree = ReadonlyMap<string, string>;

const TEXT = /(^|\/)(\.[\w.]+|LICENSE|run)$|\.(ts|js|cjs|mjs|py|sh|json|ya?ml|md|html|css|svg|txt)$/;

/** Everything that is, or would be, committed. */
export function repositoryTree(): Tree {
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  const list = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 16 * 1024 * 1024,
  });
  const deleted = new Set(
    execFileSync("git", ["ls-files", "-z", "--deleted"], { cwd: root, encoding: "utf8" }).split("\0"),
  );
  const paths = list.split("\0").filter((path) => TEXT.test(path) && !deleted.has(path));
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}
