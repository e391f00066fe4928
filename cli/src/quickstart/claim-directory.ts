import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeProcess } from "../run/port-holder.js";
import { QuickstartError } from "./quickstart-error.js";

/**
 * Makes this process the only one that runs everything on a directory. The parts lock their own directories besides;
 * this is so that the second `npm start` says so at once and in words.
 * @returns a function that gives the directory back.
 * @throws {QuickstartError} naming the holder.
 */
export async function claimDirectory(directory: string): Promise<() => void> {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, "start.pid");
  for (;;) {
    try {
      writeFileSync(path, identityOf(process.pid) ?? "", { flag: "wx" });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = readFileSync(path, "utf8");
    const pid = Number.parseInt(holder, 10);
    if (identityOf(pid) === holder)
      throw new QuickstartError(`${directory} is in use by ${await describeProcess(pid)}; --data chooses another`);
    rmSync(path, { force: true });
  }
}

/** The pid and when the process began, since pids are used again; undefined where there is no such process. */
function identityOf(pid: number): string | undefined {
  if (Number.isNaN(pid)) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return undefined;
  }
  if (process.platform !== "linux") return `${pid}`;
  // proc(5): the name, in parentheses, may hold anything; field 22, the start time, is the 20th behind it.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return `${pid} ${fields[19]}`;
}
