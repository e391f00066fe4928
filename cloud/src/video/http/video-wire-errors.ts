import { CloudError, type ErrorCode } from "../../cloud-error.js";
import { VideoError, type VideoErrorCode } from "../video-error.js";

/** How an error looks to clients of Video Streams. */
export interface VideoWireError {
  readonly status: number;
  readonly type: string;
  /** Said instead of the error's own message, which is for operators. */
  readonly message?: string;
}

const internalMessage = "Internal service failure.";
const invalidArgument = { status: 400, type: "InvalidArgumentException" } as const;
const notFound = { status: 404, type: "ResourceNotFoundException" } as const;
const inUse = { status: 400, type: "ResourceInUseException" } as const;
const limited = { status: 400, type: "ClientLimitExceededException" } as const;
const unavailable = { status: 503, type: "ServiceUnavailableException" } as const;
const badSignature = { status: 403, type: "InvalidSignatureException" } as const;
const internal = { status: 500, type: "InternalFailure", message: internalMessage } as const;

/**
 * The only place that spells errors of Video Streams AWS's way. A new code without a row does not compile. Names that the
 * service's model has where it has one; else what AWS's common front says.
 */
export const videoWireErrors = {
  "wrong-method": { status: 403, type: "AccessDeniedException" },
  "wrong-content-type": invalidArgument,
  "request-too-large": { status: 413, type: "RequestEntityTooLargeException" },
  "request-too-slow": { status: 408, type: "RequestTimeoutException" },
  // Its connection is gone, so nobody gets to read this one.
  "request-incomplete": invalidArgument,
  "server-busy": unavailable,
  "server-stopping": { ...unavailable, message: "The service is stopping." },
  "authentication-missing": { status: 403, type: "MissingAuthenticationTokenException" },
  "authentication-twice": badSignature,
  "signature-incomplete": { status: 400, type: "IncompleteSignatureException" },
  "signature-scope-wrong": badSignature,
  "signature-expired": badSignature,
  "signature-not-yet-current": badSignature,
  "signature-mismatch": badSignature,
  "access-key-unknown": { status: 403, type: "UnrecognizedClientException" },
  "security-token-unknown": { status: 403, type: "UnrecognizedClientException" },
  "operation-unknown": { status: 404, type: "UnknownOperationException" },
  "body-malformed": invalidArgument,
  "constraint-violated": invalidArgument,
  "argument-invalid": invalidArgument,
  "stream-not-found": notFound,
  "shard-not-found": notFound,
  "consumer-not-found": notFound,
  "policy-not-found": notFound,
  "stream-exists": inUse,
  "consumer-exists": inUse,
  "consumer-busy": inUse,
  "operation-unsupported": invalidArgument,
  "stream-busy": inUse,
  "limit-exceeded": { status: 400, type: "AccountStreamLimitExceededException" },
  "throughput-exceeded": limited,
  "iterator-expired": invalidArgument,
  "next-token-expired": invalidArgument,
  "producer-request-forgotten": invalidArgument,
  "dry-run": invalidArgument,
  "version-mismatch": { status: 400, type: "VersionMismatchException" },
  "connections-exceeded": { status: 400, type: "ConnectionLimitExceededException" },
  "no-data-retention": { status: 400, type: "NoDataRetentionException" },
  "media-type-unsupported": { status: 400, type: "UnsupportedStreamMediaTypeException" },
  "codec-private-data-missing": { status: 400, type: "MissingCodecPrivateDataException" },
  "codec-private-data-invalid": { status: 400, type: "InvalidCodecPrivateDataException" },
  "media-frame-invalid": { status: 400, type: "InvalidMediaFrameException" },
  "fragment-not-found": notFound,
  "session-invalid": { status: 403, type: "NotAuthorizedException" },
  "session-expired": { status: 403, type: "NotAuthorizedException" },
  "disk-full": internal,
  "disk-failed": internal,
  overloaded: internal,
  internal,
} as const satisfies Record<ErrorCode | VideoErrorCode, VideoWireError>;

/** What was thrown, as an answer; what nobody threw on purpose is a bug. */
export function toVideoWireError(thrown: unknown): VideoWireError & {
  readonly code: ErrorCode | VideoErrorCode;
  readonly message: string;
} {
  const isKnown = thrown instanceof CloudError || thrown instanceof VideoError;
  const code = isKnown ? thrown.code : "internal";
  const row: VideoWireError = videoWireErrors[code];
  return { code, ...row, message: row.message ?? (isKnown ? thrown.message : internalMessage) };
}
