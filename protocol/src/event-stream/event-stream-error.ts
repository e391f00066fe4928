/**
 * What is wrong with bytes that claim to be an event stream.
 *
 * - `checksum-wrong`: a message was damaged on its way, or this is no event stream at all.
 * - `too-large`: headers or a payload over the format's limits.
 * - `malformed`: lengths, header types or texts that cannot be; a header twice.
 * - `truncated`: the stream ended inside a message.
 */
export type EventStreamErrorCode = "checksum-wrong" | "too-large" | "malformed" | "truncated";

/** Never retriable: the same bytes fail again. */
export class EventStreamError extends Error {
  override readonly name = "EventStreamError";
  constructor(
    readonly code: EventStreamErrorCode,
    message: string,
  ) {
    super(message);
  }
}
