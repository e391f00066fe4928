import { readFileSync } from "node:fs";

/** The largest resident memory that the process has had so far, in bytes (Linux). */
export function residentBytesPeak(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  if (kibibytes === undefined) throw new Error(`no VmHWM for process ${pid}`);
  return Number(kibibytes) * 1024;
}
