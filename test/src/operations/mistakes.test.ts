import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Part, type PartName, repository } from "../harness/part.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";
import { within } from "../harness/until.js";

async function startWrongly(name: PartName, flags: Record<string, string | number | true>, yaml = ""): Promise<string> {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const directory = await scope.directory(name);
  const config = join(directory, "config.yaml");
  await writeFile(config, yaml);
  const child = await Part.launch(scope, name, { flags: { data: join(directory, "data"), config, ...flags } });
  const { code } = await within(`${name} to give up`, 20_000, child.exited);
  expect(`${code} ${child.describe()}`).toMatch(/^[12] /);
  return child.stderr.toString();
}

test("all mistakes are reported together, each with its key", async () => {
  const cloud = await startWrongly("cloud", { port: 70_000, "account-id": "12" }, "regoin: us-east-1\n");
  expect(cloud).toMatch(/port/);
  expect(cloud).toMatch(/account-?id/i);
  expect(cloud).toMatch(/regoin/);

  const gateway = await startWrongly("gateway", { "mqtt-port": "many", upstream: "not a url" });
  expect(gateway).toMatch(/mqtt-?port/i);
  expect(gateway).toMatch(/upstream/);
});

test("npm start refuses what is no camera before it starts anything, and does not repeat it: it may hold a password", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  for (const camera of ["video0", "http://ada:secret@camera/", "rtsp://ada:secret@camera/a b"]) {
    const command = [process.execPath, join(repository, "cli/setup/start.cjs"), "--camera", camera];
    const { code, stdout, stderr } = await run(scope, command, { mayFail: true });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^\s*--camera: must be rtsp:/);
    expect(stdout + stderr).not.toContain("secret");
  }
});

// DESIGN invariant 8: no open door by default.
test("listening beyond loopback without credentials is refused", async () => {
  const cloud = await startWrongly("cloud", { host: "0.0.0.0", "accept-any-credentials": true });
  expect(cloud).toMatch(/loopback/i);
  const upstream = "http://127.0.0.1:9";
  const gateway = await startWrongly("gateway", {
    "mqtt-host": "0.0.0.0",
    upstream,
    region: "us-east-1",
    "allow-anonymous": true,
  });
  expect(gateway).toMatch(/loopback|anonymous/i);
});
