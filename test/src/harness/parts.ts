import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { clientEnvironment, region, rootEnvironment } from "./credentials.js";
import { Part, type PartOptions } from "./part.js";
import type { Scope } from "./scope.js";

type Overrides = Partial<PartOptions>;

/** A cloud with known root keys on a new data directory (or on `flags.data`). */
export async function startCloud(scope: Scope, { flags, env, ...rest }: Overrides = {}): Promise<Part> {
  const data = flags?.["data"] ?? (await scope.directory("cloud"));
  return await Part.start(scope, "cloud", { flags: { data, ...flags }, env: { ...rootEnvironment, ...env }, ...rest });
}

/** A gateway that takes anyone on loopback and forwards to `upstream`. */
export async function startGateway(
  scope: Scope,
  upstream: string,
  { flags, env, ...rest }: Overrides = {},
): Promise<Part> {
  const data = flags?.["data"] ?? (await scope.directory("gateway"));
  return await Part.start(scope, "gateway", {
    flags: { data, upstream, region, "allow-anonymous": true, ...flags },
    env: { ...clientEnvironment, ...env },
    ...rest,
  });
}

/** A device agent; `config` becomes its YAML file (JSON is YAML). */
export async function startDevice(
  scope: Scope,
  config: Record<string, unknown>,
  { flags, ...rest }: Overrides = {},
): Promise<Part> {
  const data = flags?.["data"] ?? (await scope.directory("device"));
  const file = join(await scope.directory("device-config"), "device.yaml");
  await writeFile(file, JSON.stringify(config));
  return await Part.start(scope, "device", { flags: { data, config: file, ...flags }, ...rest });
}
