import { manifestOf, workspaces } from "./manifest.js";
import type { Tree } from "./tree.js";

/** Packages agree on what each of them repeats. */
export function packages(tree: Tree): string[] {
  const root = manifestOf(tree, "");
  const ours = workspaces(tree);
  const problems: string[] = [];
  if (root.license !== "Apache-2.0" || !tree.has("LICENSE")) problems.push("the license is Apache-2.0, in LICENSE");
  for (const folder of ours.values()) {
    const { name, version, license, type, engines, dependencies, devDependencies } = manifestOf(tree, folder);
    if (license !== root.license) problems.push(`${name}: license ${license}`);
    if (engines?.["node"] !== root.engines?.["node"]) problems.push(`${name}: engines.node ${engines?.["node"]}`);
    if (type !== "module") problems.push(`${name}: type ${type}`);
    for (const [other, range] of Object.entries({ ...dependencies, ...devDependencies })) {
      const otherFolder = ours.get(other);
      if (otherFolder !== undefined && range !== manifestOf(tree, otherFolder).version)
        problems.push(`${name}: ${other}@${range} is not the version in this repository`);
    }
    if (version === undefined) problems.push(`${name}: no version`);
  }
  return problems;
}
