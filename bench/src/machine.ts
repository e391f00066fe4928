import { execFileSync } from "node:child_process";
import { cpus } from "node:os";

/** What a figure was made on: without it a figure says nothing. */
export interface Machine {
  readonly commit: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  /** Of the directory that the data went to: device, file system. */
  readonly disk: string;
}

export function describeMachine(dataDirectory: string): Machine {
  const [cpu] = cpus();
  return {
    commit: commit(),
    node: process.version,
    cpu: cpu?.model ?? "unknown",
    cores: cpus().length,
    disk: output("findmnt", ["--noheadings", "--output", "SOURCE,FSTYPE", "--target", dataDirectory]).replaceAll(
      /\s+/g,
      " ",
    ),
  };
}

/** With a plus where the tree has changes that no commit has. */
function commit(): string {
  const hash = output("git", ["rev-parse", "--short=12", "HEAD"]);
  return output("git", ["status", "--porcelain", "--untracked-files=no"]) === "" ? hash : `${hash}+`;
}

function output(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown";
  }
}
