import { basename } from "node:path";
import { LineCounter, isMap, isNode, parseDocument } from "yaml";
import type { Given, Source } from "./given.js";

/** A YAML file of settings; keys that no schema knows are refused later, with the others. */
export interface YamlFile extends Source {
  /** Where a nested value stands, such as `site.yaml:7`. */
  place(path: readonly PropertyKey[]): string;
}

/** @param path only for messages. */
export function parseYaml(path: string, text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => `${basename(path)}:${lines.linePos(offset).line}`;
  const place = (keys: readonly PropertyKey[]): string => {
    for (let depth = keys.length; depth > 0; depth--) {
      const node = document.getIn(keys.slice(0, depth), true);
      if (isNode(node) && node.range) return at(node.range[0]);
    }
    return basename(path);
  };

  const problems = document.errors.map((error) => ({
    key: basename(path),
    from: at(error.pos[0]),
    message: error.message,
  }));
  const given = new Map<string, Given>();
  if (problems.length === 0 && document.contents !== null) {
    if (isMap(document.contents)) {
      const values: unknown = document.toJS();
      for (const [key, value] of Object.entries(values as object)) given.set(key, { value, from: place([key]) });
    } else problems.push({ key: basename(path), from: at(0), message: "must be a list of `key: value`" });
  }
  return { given, problems, place };
}
