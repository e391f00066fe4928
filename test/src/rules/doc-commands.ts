import { manifestOf } from "./manifest.js";
import type { Tree } from "./tree.js";

/** npm scripts that a page tells the reader to run exist. */
export function docCommands(tree: Tree): string[] {
  const { scripts } = manifestOf(tree, "");
  const problems: string[] = [];
  for (const [path, text] of tree) {
    if (!path.endsWith(".md")) continue;
    for (const [command, script = ""] of text.matchAll(/\bnpm (?:run )?(start|test|(?<=run )[\w:-]+)/g))
      if (!(script in scripts)) problems.push(`${path}: ${command}: package.json has no such script`);
  }
  return problems;
}
