import { CloudError } from "../cloud-error.js";
import { boolean } from "../codec/shape.js";

/** The member by which a client asks whether a request would succeed. */
export const dryRun = { DryRun: boolean() };

/** To be called once all is checked, and before anything is done. @throws {CloudError} `dry-run`. */
export function refuseDryRun({ DryRun = false }: { readonly DryRun?: boolean }): void {
  if (DryRun) throw new CloudError("dry-run", "The request would have succeeded, but DryRun is set.");
}
