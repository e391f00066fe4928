import { posix } from "node:path";
import { manifestOf, workspaces } from "./manifest.js";
import type { Tree } from "./tree.js";

export interface Import {
  /** As written: `./spool.js`, `@headwater/log`, `node:fs`. */
  readonly specifier: string;
  readonly isDynamic: boolean;
}

const CODE = /\.(ts|js|cjs|mjs)$/;

export function isCode(path: string): boolean {
  return CODE.test(path);
}

/** `x.test.ts`, and what only tests use. */
export function isTestCode(path: string): boolean {
  return path.endsWith(".test.ts") || path.startsWith("test/") || path.includes("/testing/");
}

/** What a source imports, requires, or starts by `new URL(…, import.meta.url)`. Comments are not read. */
export function importsOf(source: string): Import[] {
  const code = source.replaceAll(/^\s*(\/\/.*|\*.*|\/\*.*)$/gm, "");
  const found = (pattern: RegExp, isDynamic: boolean): Import[] =>
    [...code.matchAll(pattern)].map((match) => ({ specifier: match[1] ?? "", isDynamic }));
  return [
    ...found(/^\s*(?:import|export)\s(?:[^;"'()]*?\sfrom\s)?\s*["']([^"']+)["']/gm, false),
    ...found(/\brequire\(\s*["']([^"']+)["']\s*\)/g, false),
    ...found(/\bimport\(\s*["']([^"']+)["']\s*\)/g, true),
    ...found(/new URL\(\s*["'](\.[^"']+)["'],\s*import\.meta\.url/g, true),
  ];
}

/** The file of ours that an import means; undefined for other packages, and for files that are not there. */
export function resolveImport(tree: Tree, from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) {
    const path = posix.join(posix.dirname(from), specifier);
    const candidates = [path, path.replace(/\.js$/, ".ts"), path.replace("/dist/", "/src/").replace(/\.js$/, ".ts")];
    return candidates.find((candidate) => tree.has(candidate));
  }
  for (const [name, folder] of workspaces(tree)) {
    if (specifier !== name && !specifier.startsWith(`${name}/`)) continue;
    const source = manifestOf(tree, folder).exports[`.${specifier.slice(name.length)}`]?.source;
    return source === undefined ? undefined : posix.join(folder, source);
  }
  return undefined;
}
