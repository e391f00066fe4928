import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { Child } from "../harness/child.js";
import { repository } from "../harness/part.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";

const published = ["protocol", "log", "device", "gateway", "cloud", "client", "cli"];

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, { readonly types: string; readonly default?: string }>>;
  readonly bin?: Readonly<Record<string, string>>;
}

/** A folder with the published packages as npm would unpack them, and the other packages that are installed here. */
let installed: string;

beforeAll(async () => {
  const scope = new Scope();
  const directory = await scope.directory("packed");
  const workspaces = published.map((folder) => `--workspace=${folder}`);
  await run(scope, ["npm", "pack", "--pack-destination", directory, ...workspaces], { cwd: repository });
  const archives = await readdir(directory);
  installed = join(directory, "node_modules");
  await mkdir(join(installed, "@headwater"), { recursive: true });
  for (const folder of published) {
    const { name } = await manifestIn(join(repository, folder));
    const archive = archives.find((file) => file.startsWith(`${name.replace("@", "").replace("/", "-")}-0`));
    await mkdir(join(installed, name));
    await run(scope, [
      "tar",
      "-xzf",
      join(directory, archive ?? ""),
      "--strip-components=1",
      "-C",
      join(installed, name),
    ]);
  }
  for (const other of await readdir(join(repository, "node_modules"))) {
    if (other.startsWith(".") || other === "headwater" || other === "@headwater") continue;
    await symlink(join(repository, "node_modules", other), join(installed, other));
  }
  return () => scope.close();
});

async function manifestIn(directory: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as Manifest;
}

async function start(part: string, ...flags: readonly string[]): Promise<string> {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const headwater = join(installed, "headwater", "bin", "headwater.js");
  const data = await scope.directory(part);
  const child = await Child.start(scope, part, [process.execPath, headwater, part, `--data=${data}`, ...flags]);
  const [, http = ""] = await child.line("the ready line", /^headwater \w+ ready .*\bhttp=(\S+)/m);
  return http;
}

test.each(published)(
  "%s: its pack holds what its manifest promises, the license, and nothing of the tests",
  async (folder) => {
    const { name, exports = {}, bin = {} } = await manifestIn(join(repository, folder));
    // An entry without a default is for this repository's tests alone.
    const entries = Object.values(exports).flatMap((entry) => (entry.default ? [entry.types, entry.default] : []));
    const promised = [...entries, ...Object.values(bin)];
    for (const file of promised) expect(await readFile(join(installed, name, file), "utf8")).not.toBe("");
    const license = await readFile(join(repository, "LICENSE"), "utf8");
    expect(await readFile(join(installed, name, "LICENSE"), "utf8")).toBe(license);
    const files = await readdir(join(installed, name), { recursive: true });
    expect(files.filter((file) => /(^|\/)testing(\/|$)|\.test\./.test(file))).toEqual([]);
  },
);

test("the packed cloud starts and shows its console", async () => {
  const url = await start("cloud", "--port=0");
  const page = await fetch(`${url}/console`);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("<script")]);
  expect((await fetch(`${url}/console/main.js`)).status).toBe(200);
});

test("the packed gateway and device start", async () => {
  const gateway = await start("gateway", "--mqtt-port=0", "--http-port=0", "--allow-anonymous", "--control-off");
  const device = await start("device", "--http-port=0", "--gateway=mqtt://127.0.0.1:9");
  for (const url of [gateway, device]) expect((await fetch(`${url}/healthz`)).status).toBe(200);
});
