/** Everything that a request can be refused or fail for. http/wire-errors.ts says how each looks on the wire. */
export type ErrorCode =
  // The request as HTTP carries it
  | "wrong-method"
  | "wrong-content-type"
  | "request-too-large"
  | "request-too-slow"
  | "request-incomplete"
  | "server-busy"
  | "server-stopping"
  // Who sent it
  | "authentication-missing"
  | "authentication-twice"
  | "signature-incomplete"
  | "signature-scope-wrong"
  | "signature-expired"
  | "signature-not-yet-current"
  | "signature-mismatch"
  | "access-key-unknown"
  | "security-token-unknown"
  // What it asks
  | "operation-unknown"
  | "body-malformed"
  | "constraint-violated"
  | "argument-invalid"
  | "stream-not-found"
  | "shard-not-found"
  | "stream-exists"
  | "consumer-not-found"
  | "consumer-exists"
  | "consumer-busy"
  | "policy-not-found"
  | "operation-unsupported"
  | "stream-busy"
  | "limit-exceeded"
  | "throughput-exceeded"
  | "iterator-expired"
  | "next-token-expired"
  | "producer-request-forgotten"
  | "dry-run"
  // What went wrong here
  | "disk-full"
  | "disk-failed"
  | "overloaded"
  | "internal";

/** An answer that is not the one hoped for. Anything else that is thrown is a bug and answered as `internal`. */
export class CloudError extends Error {
  override readonly name = "CloudError";
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
