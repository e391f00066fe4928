import { CloudError } from "../cloud-error.js";
import type { StreamState } from "../streams/stream-state.js";

/** Streams on demand scale by themselves. @throws {CloudError} `constraint-violated`, as AWS's ValidationException. */
export function checkProvisioned({ settings: { mode } }: StreamState, operation: string): void {
  if (mode === "PROVISIONED") return;
  throw new CloudError("constraint-violated", `${operation} is not supported for a stream in ${mode} mode.`);
}
