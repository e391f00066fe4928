/**
 * - `unreachable`: no connection, or no answer in time. Nothing is known of what was sent.
 * - `refused`: an HTTP error instead of acknowledgements; nothing of the body was taken. See `status` and `type`.
 * - `interrupted`: the connection broke, or the answer ended, before the body was taken to its end. Fragments that were
 *   acknowledged as PERSISTED are safe; all others are to be sent again from their start.
 * - `malformed-answer`: what came is no acknowledgement.
 */
export type PutMediaErrorCode = "unreachable" | "refused" | "interrupted" | "malformed-answer";

export interface PutMediaErrorDetails extends ErrorOptions {
  /** Of `refused`: the HTTP status. */
  readonly status?: number;
  /** Of `refused`: AWS's name of the error, such as `ResourceNotFoundException`. */
  readonly type?: string;
}

const RETRIABLE_TYPES = new Set(["ClientLimitExceededException", "ConnectionLimitExceededException"]);

/** The only error that the client throws of itself; what the caller's body, credentials or signal fail with is passed on. */
export class PutMediaError extends Error {
  override readonly name = "PutMediaError";
  readonly status: number | undefined;
  readonly type: string | undefined;
  constructor(
    readonly code: PutMediaErrorCode,
    message: string,
    { status, type, ...options }: PutMediaErrorDetails = {},
  ) {
    super(message, options);
    this.status = status;
    this.type = type;
  }

  /** Whether the same call may succeed later with nobody doing anything about it. */
  get isRetriable(): boolean {
    if (this.code !== "refused") return this.code !== "malformed-answer";
    return (this.status ?? 0) >= 500 || this.status === 429 || RETRIABLE_TYPES.has(this.type ?? "");
  }
}
