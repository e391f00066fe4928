import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { repository } from "../harness/part.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";

/** What the guide's snippets take for granted. */
const PRELUDE = `
import type { AwsConnection, ConsumerOptions, ConsumerRecord } from "@headwater/client";
declare const aws: AwsConnection;
declare const options: ConsumerOptions;
declare const logger: { info(detail: object): void };
declare const lines: AsyncIterable<string>;
declare function keyOf(line: string): string;
declare function onLost(error: unknown): void;
declare function bill(key: string, data: Uint8Array): Promise<void>;
declare function writeToDatabase(records: readonly ConsumerRecord[]): Promise<void>;
declare function load(shardId: string, records: readonly ConsumerRecord[], lost: AbortSignal): Promise<void>;
`;

test("the snippets of the consumers' guide compile against the library as it is", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const markdown = await readFile(join(repository, "docs/guide/consumers.md"), "utf8");
  const snippets = Array.from(markdown.matchAll(/^ *```ts\n(.*?)^ *```$/gms), ([, code = ""]) => code);
  expect(snippets.length).toBeGreaterThan(5);
  const imports = new Set(snippets.flatMap((code) => code.match(/^import .*$/gm) ?? []));
  const bodies = snippets.map((code, i) => {
    const body = code.replaceAll(/^import .*$/gm, "");
    // A snippet goes on with what one before it has made.
    const made = ["consumer", "producer"].filter((name) => !body.includes(`const ${name} =`));
    const parameters = made.map((name) => `${name}: ${name === "consumer" ? "Consumer" : "Producer"}`);
    return `export async function snippet${i}(${parameters.join(", ")}) {\n${body}}\n`;
  });
  const directory = await scope.directory("guide");
  const options = {
    target: "es2023",
    module: "nodenext",
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    exactOptionalPropertyTypes: true,
    types: ["node"],
    typeRoots: [join(repository, "node_modules/@types")],
    paths: { "@headwater/client": [join(repository, "client/dist/index.d.ts")] },
  };
  await writeFile(join(directory, "guide.mts"), [PRELUDE, ...imports, ...bodies].join("\n"));
  await writeFile(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["guide.mts"] }));
  const tsc = join(repository, "node_modules/.bin/tsc");
  const { code, stdout } = await run(scope, [process.execPath, tsc, "-p", directory], { mayFail: true });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
});
