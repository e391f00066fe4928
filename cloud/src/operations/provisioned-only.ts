import { CloudError } from "../cloud-error.js";
import type { StreamService } from "../streams/stream-service.js";
import type { StreamState } from "../streams/stream-state.js";

/** Streams on demand scale by themselves. @throws {CloudError} `constraint-violated`, as AWS's ValidationException. */
export function checkProvisioned({ name, settings: { mode } }: StreamState, { accountId }: StreamService): void {
  if (mode === "PROVISIONED") return;
  throw new CloudError(
    "constraint-violated",
    `Request is invalid. Stream ${name} under account ${accountId} is in On-Demand mode.`,
  );
}
