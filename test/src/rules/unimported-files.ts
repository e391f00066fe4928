import { posix } from "node:path";
import { importsOf, isCode, isTestCode, resolveImport } from "./imports.js";
import { manifestOf, workspaces } from "./manifest.js";
import type { Tree } from "./tree.js";

/** Code that nothing leads to. What only tests use counts as led to only where it says so by its folder. */
export function unimportedFiles(tree: Tree): string[] {
  const code = [...tree.keys()].filter((path) => isCode(path) && path.includes("/"));
  const entries = entriesOf(tree);
  const shipped = reachable(tree, entries);
  const tests = code.filter((path) => path.endsWith(".test.ts"));
  const tested = reachable(tree, [...entries, ...tests]);
  return code
    .filter((path) => !(isTestCode(path) ? tested : shipped).has(path))
    .map((path) => `${path}: nobody imports it`);
}

/** What packages export, commands, the files that scripts and pages name, and each benchmark. */
function entriesOf(tree: Tree): string[] {
  const entries = Object.values(manifestOf(tree, "").scripts).flatMap(
    (script) => script.match(/[\w/.-]+\.c?js/g) ?? [],
  );
  for (const folder of workspaces(tree).values()) {
    const { exports, bin = {} } = manifestOf(tree, folder);
    const paths = [...Object.values(exports).map(({ source }) => source), ...Object.values(bin)];
    entries.push(...paths.map((path) => posix.join(folder, path)));
  }
  for (const [path, text] of tree)
    if (path.endsWith(".html"))
      for (const [, script = ""] of text.matchAll(/<script[^>]*\ssrc="([^"]+)"/g))
        entries.push(posix.join(posix.dirname(path), posix.basename(script)));
  const benchmarks = [...tree.keys()].filter((path) => /^bench\/src\/[^/]+\.ts$/.test(path));
  return [...entries, ...benchmarks];
}

function reachable(tree: Tree, entries: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [...entries];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const source = tree.get(path);
    if (source === undefined || seen.has(path)) continue;
    seen.add(path);
    for (const { specifier } of importsOf(source)) {
      const target = resolveImport(tree, path, specifier);
      if (target !== undefined) open.push(target);
    }
  }
  return seen;
}
