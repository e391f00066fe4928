import { CloudError } from "../cloud-error.js";

/** How `run` was refused; undefined where it was not. @throws whatever is no refusal, since that is a bug. */
export function refusalOf(run: () => unknown): CloudError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof CloudError) return error;
    throw error;
  }
}
