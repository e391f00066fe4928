import { type ErrorAck, PutMediaError, reactionTo } from "../put-media/index.js";
import type { QueuedFragment } from "./fragment-queue.js";

/** The upstream said ERROR: the call is over. */
export class ErrorAnswer extends Error {
  override readonly name = "ErrorAnswer";
  /** @param fragment the one that it is about, if that is known. */
  constructor(
    readonly ack: ErrorAck,
    readonly fragment: QueuedFragment | undefined,
  ) {
    super(`PutMedia answered ERROR ${ack.errorId} ${ack.errorCode}`);
  }
}

/** The network, or the upstream, takes no more bytes: not a matter of what is in them. */
export class NotTaken extends PutMediaError {
  constructor(message: string) {
    super("interrupted", message);
  }
}

/** No decoder can begin with it, so the upstream would never acknowledge it. */
export class Unplayable extends Error {
  constructor(readonly fragment: QueuedFragment) {
    super("the first picture is no key frame");
  }
}

/** The upstream fails at what it was sent, or for reasons of its own. */
const INTERNAL_ERROR = 5000;

/**
 * Which fragments the upstream may have taken offence at, of those that were sent and not acknowledged: of trouble of its
 * own and of the network's, none; nor of what was put aside at once.
 */
export function suspectsOf(error: unknown, unsettled: readonly QueuedFragment[]): readonly QueuedFragment[] {
  if (error instanceof ErrorAnswer) {
    const { ack, fragment } = error;
    if (reactionTo(ack.errorId) === "skip") return fragment === undefined ? unsettled : [];
    if (ack.errorId !== INTERNAL_ERROR) return [];
    return fragment === undefined ? unsettled : [fragment];
  }
  const isBroken = error instanceof PutMediaError && error.code === "interrupted" && !(error instanceof NotTaken);
  return isBroken ? unsettled : [];
}
