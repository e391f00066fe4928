import { CloudError } from "../../cloud-error.js";

/** Why a subscription is over. */
export type EndCause =
  /** Its five minutes have passed. */
  | "expired"
  /** The shard was split or merged, and everything in it has been sent. */
  | "shard-ended"
  /** Its consumer subscribed again. */
  | "taken-over"
  | "consumer-deregistered"
  | "stream-deleted"
  /** Its client has gone. */
  | "left"
  /** Its client has stopped reading. */
  | "stalled"
  /** The cloud is stopping. */
  | "stopping"
  /** It could not be read on. */
  | "failed";

/** How a subscription ends: as it should, or with an error that its client is told. */
export interface SubscriptionEnd {
  readonly cause: EndCause;
  readonly error?: unknown;
}

/** The end that an error means which was met in reading. */
export function endBy(error: unknown): SubscriptionEnd {
  const code = error instanceof CloudError ? error.code : undefined;
  if (code === "stream-not-found") return { cause: "stream-deleted", error };
  if (code === "server-stopping") return { cause: "stopping" };
  return { cause: "failed", error };
}
