import { parse } from "acorn";
import { manifestOf } from "./manifest.js";
import type { Tree } from "./tree.js";

/** Files that run before the version of Node is checked, and what they require, can be read by any Node. */
export function oldSyntax(tree: Tree): string[] {
  const scripts = Object.values(manifestOf(tree, "").scripts).flatMap(
    (script) => /^node (\S+\.cjs)/.exec(script)?.[1] ?? [],
  );
  const paths = new Set([...scripts, "cli/setup/node-version.cjs", "cli/bin/headwater.js"]);
  return [...paths].flatMap((path) => {
    const source = tree.get(path);
    if (source === undefined) return [`${path} is missing`];
    const isChecked =
      path.endsWith("node-version.cjs") || /^require\([^)]*node-version\.cjs"\)\.requireNode\(\);$/m.test(source);
    const problems = isChecked ? [] : [`${path} does not check the version of Node`];
    try {
      parse(source, { ecmaVersion: 5, allowHashBang: true });
    } catch (error) {
      problems.push(`${path}: ${String(error)}`);
    }
    return problems;
  });
}
