import { z } from "zod";
import type { Tree } from "./tree.js";

const manifestSchema = z.object({
  name: z.string(),
  version: z.string().optional(),
  license: z.string().optional(),
  type: z.string().optional(),
  engines: z.record(z.string(), z.string()).optional(),
  bin: z.record(z.string(), z.string()).optional(),
  exports: z.record(z.string(), z.object({ source: z.string() })).default({}),
  scripts: z.record(z.string(), z.string()).default({}),
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
  workspaces: z.array(z.string()).default([]),
});

/** What the rules read of a package.json. */
export type Manifest = z.output<typeof manifestSchema>;

/** @param folder `""` for the root. */
export function manifestOf(tree: Tree, folder: string): Manifest {
  const text = tree.get(folder === "" ? "package.json" : `${folder}/package.json`);
  return manifestSchema.parse(JSON.parse(text ?? "{}"));
}

/** Folder of each workspace, by package name. */
export function workspaces(tree: Tree): ReadonlyMap<string, string> {
  const folders = manifestOf(tree, "").workspaces;
  return new Map(folders.map((folder) => [manifestOf(tree, folder).name, folder]));
}
