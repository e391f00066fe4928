/**
 * - `throttled`: nothing was done; later it will be. Retriable.
 * - `unreachable`: no answer, or none that says what became of the call. Retriable; a put may have been stored.
 * - `failing`: an internal error of the service. Retriable; a put may have been stored.
 * - `forbidden`: wrong credentials, region or permission.
 * - `not-found`: no such stream, shard or table.
 * - `refused`: the service will never take the call as it is.
 * - `iterator-expired`: a shard iterator is older than 5 minutes. The library makes another by itself.
 * - `forgotten`: Headwater's cloud no longer knows whether it has had this request; its records may have been stored.
 * - `lease-lost`: another worker has the shard, so this one can checkpoint nothing there any more.
 * - `too-large`: the record is larger than a record may be, or than all of the producer's memory.
 * - `buffer-full`: `onFull` is "reject", and the producer's memory is full. Retriable.
 * - `timed-out`: not acknowledged within `deliverWithinMs`; it may have been stored.
 * - `invalid-options`: an option, or a partition key, that cannot be.
 * - `closed`: the consumer or producer is closed.
 */
export type ClientErrorCode =
  | "throttled"
  | "unreachable"
  | "failing"
  | "forbidden"
  | "not-found"
  | "refused"
  | "iterator-expired"
  | "forgotten"
  | "lease-lost"
  | "too-large"
  | "buffer-full"
  | "timed-out"
  | "invalid-options"
  | "closed";

const retriable: ReadonlySet<ClientErrorCode> = new Set([
  "throttled",
  "unreachable",
  "failing",
  "buffer-full",
] as const);

/** The only error that this library throws on purpose; anything else is a bug, or comes from the caller's own code. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  constructor(
    readonly code: ClientErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The same call may do later. */
  get retriable(): boolean {
    return retriable.has(this.code);
  }
}
