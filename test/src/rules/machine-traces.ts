import type { Tree } from "./tree.js";

/** A repository is for every machine: no paths of the one it was written on, no registry that only it reaches. */
export function machineTraces(tree: Tree): string[] {
  const problems: string[] = [];
  for (const [path, text] of tree) {
    if (path.startsWith("test/src/rules/")) continue;
    for (const [index, line] of text.split("\n").entries())
      for (const { pattern, what } of traces)
        if (pattern.test(line)) problems.push(`${path}:${index + 1}: ${what}: ${line.trim().slice(0, 80)}`);
  }
  return problems;
}

const traces = [
  { pattern: /(^|[\s"'`(=:])\/(root|work|Users\/\w+|home\/(?!pi\b|you\b)\w+)(\/|\b)/, what: "a path of one machine" },
  { pattern: /"resolved":\s*"https?:/, what: "a registry's address" },
  { pattern: /https?:\/\/(registry|artifactory|nexus|verdaccio|npm)\b[\w.-]*/, what: "a registry's address" },
];
