import { fileURLToPath } from "node:url";
import { clientEnvironment } from "../harness/credentials.js";
import type { Part } from "../harness/part.js";
import { run } from "../harness/run.js";
import type { Scope } from "../harness/scope.js";

/** Runs one of the Python programs beside this, through boto3 as Debian ships it, and answers what it saw. */
export async function boto3(scope: Scope, program: string, cloud: Part): Promise<unknown> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  // Without writing what it compiled beside the programs.
  const { stdout } = await run(scope, ["/usr/bin/python3", "-B", path, cloud.url], { env: clientEnvironment });
  return JSON.parse(stdout);
}
