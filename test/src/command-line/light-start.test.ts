import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";

/** Each file costs a start about a millisecond. */
test("a cloud without a configuration file loads no libraries that it has no use for", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const coverage = await scope.directory("coverage");
  // Node writes there, at its end, of each file that was loaded.
  const cloud = await startCloud(scope, { env: { NODE_V8_COVERAGE: coverage } });
  await cloud.stop();
  const loaded = new Set<string>();
  for (const file of await readdir(coverage)) {
    const { result } = JSON.parse(await readFile(join(coverage, file), "utf8")) as { result: { url: string }[] };
    for (const { url } of result) loaded.add(/node_modules\/((@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? "our own");
  }
  expect([...loaded]).toEqual(expect.arrayContaining(["our own", "zod", "prom-client"]));
  for (const library of ["@opentelemetry/api", "yaml", "@smithy/core", "mqtt", "aedes"]) {
    expect([...loaded]).not.toContain(library);
  }
});
