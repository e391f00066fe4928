import { Child } from "./child.js";
import type { Scope } from "./scope.js";
import { within } from "./until.js";

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end and answers what it printed; an exit other than 0 is an error unless it `mayFail`. */
export async function run(
  scope: Scope,
  [program, ...args]: readonly string[],
  options: { env?: Record<string, string>; cwd?: string; mayFail?: boolean; deadlineMs?: number } = {},
): Promise<Finished> {
  if (program === undefined) throw new Error("no command");
  const { mayFail = false, deadlineMs = 60_000, ...spawnOptions } = options;
  const child = await Child.start(scope, program, [program, ...args], spawnOptions);
  const { code } = await within(`${program} ${args.join(" ")} to end`, deadlineMs, child.exited);
  if (code !== 0 && !mayFail) throw new Error(child.describe());
  return { code, stdout: child.stdout.toString(), stderr: child.stderr.toString() };
}
