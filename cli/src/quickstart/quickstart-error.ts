/** Why everything together could not start; printed without a stack. */
export class QuickstartError extends Error {
  override readonly name = "QuickstartError";
}
