import { isBuiltin } from "node:module";
import { importsOf, isCode, isTestCode, resolveImport } from "./imports.js";
import { manifestOf, workspaces } from "./manifest.js";
import type { Tree } from "./tree.js";

/** Which folder may import which (CONTRIBUTING.md). `test` and `bench` may import everything but `cli`. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  log: ["protocol"],
  device: ["protocol", "log"],
  gateway: ["protocol", "log", "client"],
  cloud: ["protocol", "log"],
  client: ["protocol"],
  cli: [],
};

/** The one file that loads parts, each by a dynamic import of its `main` entry. */
const LOADER = "cli/src/parts.ts";
const PARTS = ["device", "gateway", "cloud", "client"];

/** The parts know each other by contract only: imports go the one way that the design draws, and are declared. */
export function importArrows(tree: Tree): string[] {
  const folders = workspaces(tree);
  const problems: string[] = [];
  for (const [path, source] of tree) {
    const folder = path.split("/", 1)[0] ?? "";
    if (!isCode(path) || ![...folders.values()].includes(folder)) continue;
    const allowed = arrows[folder];
    const manifest = manifestOf(tree, folder);
    for (const { specifier, isDynamic } of importsOf(source)) {
      const refuse = (why: string): void => void problems.push(`${path}: ${specifier} ${why}`);
      if (specifier.startsWith(".")) {
        const target = resolveImport(tree, path, specifier);
        if (target !== undefined && !target.startsWith(`${folder}/`) && allowed !== undefined)
          refuse("reaches into another folder");
        continue;
      }
      if (isBuiltin(specifier)) {
        if (!specifier.startsWith("node:")) refuse("is spelled without node:");
        continue;
      }
      const name = packageName(specifier);
      const target = folders.get(name);
      const isDeclared = name in manifest.dependencies || name in manifest.devDependencies;
      // A start builds the log's testing folder, too, which is exported: it gets along with what a start installs.
      const isBuiltByStart = !isTestCode(path) || path.startsWith("log/src/testing/");
      const isRootTool = !isBuiltByStart || path.startsWith("bench/") || path.endsWith(".cjs");
      const rootManifest = manifestOf(tree, "");
      if (!isDeclared && !(isRootTool && (name in rootManifest.devDependencies || target !== undefined)))
        refuse(`is not among the dependencies of ${folder}`);
      if (target === undefined || target === folder) continue;
      if (target === "cli") refuse("is imported by nobody");
      else if (path === LOADER && PARTS.includes(target)) {
        if (!isDynamic || !specifier.endsWith("/main")) refuse("must be a dynamic import of the main entry");
      } else if (allowed !== undefined && !allowed.includes(target)) refuse(`is not for ${folder}`);
      if (specifier === "@headwater/log/testing" && !isTestCode(path)) refuse("is for tests only");
    }
  }
  return problems;
}

function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
