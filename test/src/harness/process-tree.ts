import { readdirSync, readFileSync } from "node:fs";

export interface ProcessIdentity {
  readonly pid: number;
  /** When it began, in clock ticks since boot: pids are used again, this pair is not. */
  readonly startTicks: string;
  readonly command: string;
}

/** All processes that this one started, and those started by them (Linux). */
export function descendantsOf(pid: number): ProcessIdentity[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined) childrenOf.set(stat.parent, [...(childrenOf.get(stat.parent) ?? []), Number(name)]);
  }
  const found: ProcessIdentity[] = [];
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const child of childrenOf.get(next) ?? []) {
      open.push(child);
      const stat = statOf(child);
      if (stat !== undefined) found.push({ pid: child, startTicks: stat.startTicks, command: commandOf(child) });
    }
  }
  return found;
}

/** Whether it still runs; a zombie does not. */
export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.startTicks === startTicks && stat.state !== "Z";
}

function statOf(pid: number): { state: string; parent: number; startTicks: string } | undefined {
  const text = readIfThere(`/proc/${pid}/stat`);
  // The name in parentheses may hold anything, so count from its end.
  const [state = "", parent, ...rest] = text?.slice(text.lastIndexOf(")") + 2).split(" ") ?? [];
  const startTicks = rest[17];
  return startTicks === undefined ? undefined : { state, parent: Number(parent), startTicks };
}

function commandOf(pid: number): string {
  return readIfThere(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ").trim() ?? "";
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}
