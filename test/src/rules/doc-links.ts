import { posix } from "node:path";
import type { Tree } from "./tree.js";

/** Links from page to page, and pages that comments cite, lead somewhere. Links to the web are not followed. */
export function docLinks(tree: Tree): string[] {
  const problems: string[] = [];
  const isThere = (path: string): boolean => [...tree.keys()].some((key) => key === path || key.startsWith(`${path}/`));
  for (const [path, text] of tree) {
    if (path.endsWith(".md"))
      for (const target of linksOf(text)) {
        const [file = "", anchor] = target.split("#", 2);
        const linked = file === "" ? path : posix.join(posix.dirname(path), decodeURI(file)).replace(/\/$/, "");
        if (!isThere(linked)) problems.push(`${path}: ${target} leads nowhere`);
        else if (anchor !== undefined && !anchorsOf(tree.get(linked) ?? "").has(anchor))
          problems.push(`${path}: ${target}: the page has no such heading`);
      }
    else if (/\.(ts|c?js)$/.test(path) && !path.startsWith("test/src/rules/"))
      for (const [cited] of text.matchAll(/\bdocs\/[\w/.-]+\.md\b/g))
        if (!tree.has(cited)) problems.push(`${path}: there is no ${cited}`);
  }
  return problems;
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^(```|~~~)[^]*?^\1/gm, "").replaceAll(/`[^`\n]*`/g, "");
}

function linksOf(markdown: string): string[] {
  const text = withoutCode(markdown);
  const inline = [...text.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)];
  const references = [...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)];
  const images = [...text.matchAll(/\b(?:src|href)="([^"]+)"/g)];
  return [...inline, ...references, ...images].map((match) => match[1] ?? "").filter((link) => !/^[a-z]+:/i.test(link));
}

/** Headings as GitHub spells them in links. */
function anchorsOf(markdown: string): ReadonlySet<string> {
  const headings = [...markdown.replaceAll(/^(```|~~~)[^]*?^\1/gm, "").matchAll(/^#{1,6}\s+(.*)$/gm)];
  return new Set(
    headings.map(([, text = ""]) =>
      text
        .trim()
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(/\s/g, "-"),
    ),
  );
}
