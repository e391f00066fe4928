import { describe, expect, test } from "vitest";
import { docCommands } from "./doc-commands.js";
import { docLinks } from "./doc-links.js";
import { importArrows } from "./import-arrows.js";
import { machineTraces } from "./machine-traces.js";
import { oldSyntax } from "./old-syntax.js";
import { packages } from "./packages.js";
import { repositoryTree, type Tree } from "./tree.js";
import { unimportedFiles } from "./unimported-files.js";

const repository = repositoryTree();

/** Each rule with changes to the repository that break it, and what it says then. */
const rules: readonly {
  readonly name: string;
  readonly rule: (tree: Tree) => string[];
  readonly breaks: readonly { readonly change: Readonly<Record<string, string>>; readonly says: RegExp }[];
}[] = [
  {
    name: "imports go the way that the design draws, and are declared",
    rule: importArrows,
    breaks: [
      { change: { "log/src/new.ts": 'import "@headwater/device/sdk";' }, says: /is not for log/ },
      { change: { "protocol/src/new.ts": 'export { x } from "@headwater/log";' }, says: /is not for protocol/ },
      {
        change: { "device/src/new.ts": 'const x = await import("@headwater/cloud/main");' },
        says: /is not for device/,
      },
      { change: { "cloud/src/new.ts": 'import { x } from "../../gateway/src/main.js";' }, says: /another folder/ },
      { change: { "test/src/new.ts": 'import { main } from "headwater";' }, says: /imported by nobody/ },
      { change: { "cli/src/new.ts": 'await import("@headwater/cloud/main");' }, says: /is not for cli/ },
      {
        change: { "cli/src/parts.ts": 'import { part } from "@headwater/cloud/main";' },
        says: /must be a dynamic import/,
      },
      { change: { "gateway/src/new.ts": 'import {\n  x,\n} from "express";' }, says: /not among the dependencies/ },
      { change: { "gateway/src/new.ts": 'import { x } from "vitest";' }, says: /not among the dependencies/ },
      {
        change: { "gateway/src/new.ts": 'import { FaultDisk } from "@headwater/log/testing";' },
        says: /for tests only/,
      },
      { change: { "gateway/src/new.ts": 'import fs from "fs";' }, says: /without node:/ },
    ],
  },
  {
    name: "every file leads somewhere",
    rule: unimportedFiles,
    breaks: [
      { change: { "cloud/src/new.ts": "export const x = 1;" }, says: /cloud\/src\/new.ts: nobody imports it/ },
      {
        change: { "cloud/src/new.ts": "export {};", "cloud/src/new.test.ts": 'import "./new.js";' },
        says: /cloud\/src\/new.ts: nobody imports it/,
      },
      { change: { "test/src/new.ts": "export {};" }, says: /test\/src\/new.ts/ },
      { change: { "cli/setup/new.cjs": "exports.x = 1;" }, says: /cli\/setup\/new.cjs/ },
    ],
  },
  {
    name: "links in pages lead somewhere",
    rule: docLinks,
    breaks: [
      { change: { "docs/new.md": "[x](absent.md)" }, says: /absent.md leads nowhere/ },
      { change: { "docs/new.md": "[x](../README.md#no-such-heading)" }, says: /no such heading/ },
      { change: { "docs/new.md": '<img src="absent.svg">' }, says: /absent.svg leads nowhere/ },
      {
        change: { "log/src/new.ts": "// see docs/design/absent.md, invariant 2" },
        says: /there is no docs\/design\/absent.md/,
      },
    ],
  },
  {
    name: "no traces of the machine it was written on",
    rule: machineTraces,
    breaks: [
      { change: { "docs/new.md": "cd /home/somebody/headwater" }, says: /docs\/new.md:1: a path of one machine/ },
      { change: { "log/src/new.ts": 'open("/root/x")' }, says: /a path of one machine/ },
      { change: { "package-lock.json": '"resolved": "https://example.org/x.tgz"' }, says: /a registry's address/ },
      { change: { ".npmrc": "registry=https://registry.example.org/" }, says: /a registry's address/ },
    ],
  },
  {
    name: "packages agree",
    rule: packages,
    breaks: [
      { change: { "log/package.json": '{"name":"@headwater/log","version":"0.1.0"}' }, says: /license undefined/ },
      { change: { "log/package.json": '{"name":"@headwater/log","version":"9.0.0"}' }, says: /is not the version/ },
    ],
  },
  {
    name: "npm scripts in pages exist",
    rule: docCommands,
    breaks: [
      { change: { "docs/new.md": "Then `npm run tset`." }, says: /npm run tset: package.json has no such script/ },
    ],
  },
  {
    name: "first files can be read by an old Node",
    rule: oldSyntax,
    breaks: [
      {
        change: { "cli/setup/start.cjs": 'require("./node-version.cjs").requireNode();\nconst x = 1;' },
        says: /SyntaxError/,
      },
      { change: { "cli/setup/test.cjs": 'require("./run-test.cjs");' }, says: /does not check/ },
      { change: { "cli/setup/node-version.cjs": "var f = a?.b;" }, says: /SyntaxError/ },
    ],
  },
];

describe.each(rules)("$name", ({ rule, breaks }) => {
  test("in this repository", () => expect(rule(repository)).toEqual([]));

  test.each(breaks)("and $says is found", ({ change, says }) => {
    const broken = new Map([...repository, ...Object.entries(change)]);
    expect(rule(broken).join("\n")).toMatch(says);
  });
});
