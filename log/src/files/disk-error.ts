import { LogError } from "../api.js";

/** What an owner hears of a failed disk operation: full, or failed in another way, with the cause. */
export function diskError(error: unknown, what: string): LogError {
  if (error instanceof LogError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const full = code === "ENOSPC" || code === "EDQUOT";
  const cause = error instanceof Error ? error.message : String(error);
  return new LogError(full ? "disk-full" : "disk-failed", `${what}: ${cause}`, { cause: error });
}
