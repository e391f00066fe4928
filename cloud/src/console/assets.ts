import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";

/** A file of the page, whole in memory: there are few, and they are small. */
export interface Asset {
  readonly contentType: string;
  readonly body: Buffer;
  readonly etag: string;
}

const contentTypes: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** The page's files need no build, so `src` and `dist` read the same ones; package.json ships them. */
const folder = new URL("../../src/console/assets/", import.meta.url);

/** Loads the page's files, by name. */
export async function loadAssets(): Promise<ReadonlyMap<string, Asset>> {
  const assets = new Map<string, Asset>();
  for (const name of await readdir(folder)) {
    const contentType = contentTypes[name.slice(name.lastIndexOf(".") + 1)];
    if (contentType === undefined) continue;
    const body = await readFile(new URL(name, folder));
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    assets.set(name, { contentType, body, etag });
  }
  return assets;
}

/** Says which page this is, so that an open one notices that it is outdated. */
export function versionOf(assets: ReadonlyMap<string, Asset>): string {
  const hash = createHash("sha256");
  for (const name of [...assets.keys()].sort()) hash.update(assets.get(name)?.etag ?? "");
  return hash.digest("base64url").slice(0, 12);
}
