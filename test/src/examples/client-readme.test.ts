import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { clientEnvironment } from "../harness/credentials.js";
import { repository } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";
import { pastedScript } from "./pasted-script.js";

test("the client's README's examples work as pasted, but for the port and the credentials", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const markdown = await readFile(join(repository, "client/README.md"), "utf8");
  const script = pastedScript(markdown)
    .replaceAll(/^export .*$/gm, "")
    .replaceAll(":4567", `:${cloud.port("http")}`);
  const { stdout } = await run(scope, ["bash", "-euo", "pipefail", "-c", script], {
    cwd: repository,
    // Debian's AWS CLI, whatever else comes first in the path.
    env: { ...clientEnvironment, PATH: [dirname(process.execPath), "/usr/bin", process.env["PATH"]].join(":") },
  });
  expect(stdout.match(/^stored shardId-00000000000[01] 49\d{54}$/gm)).toHaveLength(3);
  for (const [customer, total] of [42, 8, 9].entries()) {
    expect(stdout).toContain(`seen customer-${customer} {"total":${total}}`);
  }
  expect(stdout).toContain("{ records: 3, bytes: 34 }");
});
