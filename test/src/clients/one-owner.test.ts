import { onTestFinished, test, expect } from "vitest";
import { rootEnvironment } from "../harness/credentials.js";
import { Part } from "../harness/part.js";
import { startCloud, startGateway } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { within } from "../harness/until.js";

function newScope(): Scope {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  return scope;
}

test("a second cloud on one data directory refuses to start and leaves the first alone", async () => {
  const scope = newScope();
  const data = await scope.directory("cloud");
  const first = await startCloud(scope, { flags: { data } });
  const second = await Part.launch(scope, "cloud", { flags: { data }, env: rootEnvironment });
  const exit = await within("the second cloud to give up", 20_000, second.exited);
  expect(exit, `the second: ${second.describe()}`).toMatchObject({ code: 1 });
  expect(second.stderr.toString()).toMatch(/in use|another process/i);
  expect(second.stderr.toString()).toContain(data);
  expect(JSON.parse(await first.get("/healthz"))).toMatchObject({ ok: true });
});

test("a second gateway on one data directory refuses to start, and may after the first was killed", async () => {
  const scope = newScope();
  const data = await scope.directory("gateway");
  const first = await startGateway(scope, "http://127.0.0.1:9", { flags: { data } });
  const second = await Part.launch(scope, "gateway", {
    flags: { data, upstream: "http://127.0.0.1:9", region: "us-east-1", "allow-anonymous": true },
  });
  const exit = await within("the second gateway to give up", 20_000, second.exited);
  expect(exit, `the second: ${second.describe()}`).toMatchObject({ code: 1 });
  expect(second.stderr.toString()).toMatch(/in use|another process/i);
  await first.kill("SIGKILL");
  await first.restart();
});
