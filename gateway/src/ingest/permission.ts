import type { Session } from "../listener/session.js";
import { matchesFilter } from "../listener/topic-filter.js";

/** Where a user without a list may publish. */
const PUBLISH_DEFAULT: readonly string[] = ["streams/#", "video/#"];

/**
 * Whether one of the user's filters allows it.
 * @param topic as published; for what comes in an envelope `streams/<stream>/<partition key>` or `video/<stream>`.
 */
export function isAllowed({ user }: Session, topic: string): boolean {
  if (user === undefined) return true;
  return (user.publish ?? PUBLISH_DEFAULT).some((filter) => matchesFilter(filter, topic));
}
