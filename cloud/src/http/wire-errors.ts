import { CloudError, type ErrorCode } from "../cloud-error.js";

/** How an error looks to AWS's clients. */
export interface WireError {
  readonly status: number;
  readonly type: string;
  /** The member that carries the message; Kinesis has a few that differ. */
  readonly messageMember?: "message" | "Message";
  /** Says something else than the error's own message, which is for operators. */
  readonly message?: string;
}

const internalMessage = "Internal service failure.";

/** The only place that spells errors AWS's way. A new code without a row does not compile. */
export const wireErrors = {
  "wrong-method": { status: 403, type: "AccessDeniedException", messageMember: "Message" },
  "wrong-content-type": { status: 403, type: "AccessDeniedException", messageMember: "Message" },
  "request-too-large": { status: 413, type: "RequestEntityTooLargeException" },
  "request-too-slow": { status: 408, type: "RequestTimeoutException" },
  // Its connection is gone, so nobody gets to read this one.
  "request-incomplete": { status: 400, type: "IncompleteBodyException" },
  "server-busy": { status: 503, type: "ServiceUnavailableException" },
  "server-stopping": { status: 503, type: "ServiceUnavailableException", message: "The service is stopping." },
  "authentication-missing": { status: 400, type: "MissingAuthenticationTokenException" },
  "authentication-twice": { status: 400, type: "InvalidSignatureException" },
  "signature-incomplete": { status: 400, type: "IncompleteSignatureException" },
  "signature-scope-wrong": { status: 400, type: "InvalidSignatureException" },
  "signature-expired": { status: 400, type: "InvalidSignatureException" },
  "signature-not-yet-current": { status: 400, type: "InvalidSignatureException" },
  "signature-mismatch": { status: 400, type: "InvalidSignatureException" },
  "access-key-unknown": { status: 400, type: "UnrecognizedClientException" },
  "security-token-unknown": { status: 400, type: "UnrecognizedClientException" },
  "operation-unknown": { status: 400, type: "UnknownOperationException" },
  "body-malformed": { status: 400, type: "SerializationException", messageMember: "Message" },
  "constraint-violated": { status: 400, type: "ValidationException" },
  "argument-invalid": { status: 400, type: "InvalidArgumentException" },
  "stream-not-found": { status: 400, type: "ResourceNotFoundException" },
  "shard-not-found": { status: 400, type: "ResourceNotFoundException" },
  "stream-exists": { status: 400, type: "ResourceInUseException" },
  "consumer-not-found": { status: 400, type: "ResourceNotFoundException" },
  "consumer-exists": { status: 400, type: "ResourceInUseException" },
  "consumer-busy": { status: 400, type: "ResourceInUseException" },
  "policy-not-found": { status: 400, type: "ResourceNotFoundException" },
  // Ours: AWS has what such an operation needs, this cloud does not.
  "operation-unsupported": { status: 400, type: "UnsupportedOperationException" },
  "stream-busy": { status: 400, type: "ResourceInUseException" },
  "limit-exceeded": { status: 400, type: "LimitExceededException" },
  "throughput-exceeded": { status: 400, type: "ProvisionedThroughputExceededException" },
  "iterator-expired": { status: 400, type: "ExpiredIteratorException" },
  "next-token-expired": { status: 400, type: "ExpiredNextTokenException" },
  "producer-request-forgotten": { status: 400, type: "ProducerRequestForgottenException" },
  "dry-run": { status: 400, type: "DryRunOperationException" },
  "disk-full": { status: 500, type: "InternalFailure", message: internalMessage },
  "disk-failed": { status: 500, type: "InternalFailure", message: internalMessage },
  overloaded: { status: 500, type: "InternalFailure", message: internalMessage },
  internal: { status: 500, type: "InternalFailure", message: internalMessage },
} as const satisfies Record<ErrorCode, WireError>;

/** The row for an error, and the message that goes over the wire. */
export function wireError(error: CloudError): WireError & { readonly message: string } {
  const row: WireError = wireErrors[error.code];
  return { ...row, message: row.message ?? error.message };
}

/** What was thrown, as an answer; what nobody threw on purpose is a bug. */
export function toCloudError(thrown: unknown): CloudError {
  return thrown instanceof CloudError ? thrown : new CloudError("internal", "unexpected failure", { cause: thrown });
}
