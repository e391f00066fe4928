import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { repository } from "../harness/part.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";
import { WholeSystem } from "../harness/whole-system.js";
import { pastedScript } from "./pasted-script.js";

test("README's examples work as pasted, but for the ports and the data directory", { timeout: 180_000 }, async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const system = await WholeSystem.start(scope, await scope.directory("readme"));
  const script = pastedScript(await readFile(join(repository, "README.md"), "utf8"))
    .replaceAll("$PWD/.headwater", system.data)
    .replaceAll(".headwater/", `${system.data}/`)
    .replaceAll(":4567", `:${system.port}`)
    .replaceAll(":1883", `:${system.mqttPort}`)
    .replaceAll("-p 1883", `-p ${system.mqttPort}`);
  expect(script).toContain(String(system.port));
  expect(script).toContain(String(system.mqttPort));

  // Debian's AWS CLI, whatever else comes first in the path; no credentials but those that the script finds.
  const PATH = [dirname(process.execPath), "/usr/bin", process.env["PATH"]].join(":");
  const unset = Object.keys(process.env).filter((name) => name.startsWith("AWS_"));
  const command = ["env", ...unset.flatMap((name) => ["-u", name]), "bash", "-euo", "pipefail", "-c", script];
  const { stdout } = await run(scope, command, {
    cwd: repository,
    env: { PATH, AWS_PAGER: "", AWS_EC2_METADATA_DISABLED: "true" },
    deadlineMs: 90_000,
  });
  expect(stdout).toContain(Buffer.from('{"total": 42}').toString("base64"));
  for (const [customer, total] of Object.entries({ 7: 42, 8: 8, 9: 9 })) {
    expect(stdout).toContain(`customer-${customer} {"total": ${total}}`);
  }
  await system.interrupt();
});
