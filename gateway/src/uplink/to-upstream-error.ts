import { UpstreamError, type UpstreamErrorKind } from "./upstream.js";

/** By the names of AWS's errors, of calls and of entries; see the Kinesis Data Streams API Reference, PutRecords and Common Errors. */
export const errorKinds: Readonly<Partial<Record<string, UpstreamErrorKind>>> = {
  ResourceNotFoundException: "not-found",
  ProvisionedThroughputExceededException: "throttled",
  ThrottlingException: "throttled",
  LimitExceededException: "throttled",
  KMSThrottlingException: "throttled",
  // The stream is being made or resharded.
  ResourceInUseException: "throttled",
  ValidationException: "refused",
  InvalidArgumentException: "refused",
  SerializationException: "refused",
  RequestEntityTooLargeException: "refused",
  ProducerRequestForgottenException: "forgotten",
  CredentialsProviderError: "rejecting",
};

/**
 * Sorts what the SDK throws into the few kinds that matter here.
 * @returns a TypeError or RangeError as it is, since those are bugs, unless the SDK made it of an answer.
 */
export function toUpstreamError(error: unknown): unknown {
  if (error instanceof UpstreamError || !(error instanceof Error)) return error;
  const status = statusOf(error);
  if (status === undefined && (error instanceof TypeError || error instanceof RangeError)) return error;
  return new UpstreamError(errorKinds[error.name] ?? kindOf(status), `${error.name}: ${error.message}`, {
    cause: error,
  });
}

function kindOf(status: number | undefined): UpstreamErrorKind {
  // Neither says what became of the entries; but 500 is an answer, and the others are a proxy's word or none at all.
  if (status === 500) return "failing";
  if (status === undefined || status === 408 || status > 500) return "unreachable";
  if (status === 413) return "refused";
  if (status === 429) return "throttled";
  return status >= 400 ? "rejecting" : "unreachable";
}

function statusOf(error: Error): number | undefined {
  if (!("$metadata" in error)) return undefined;
  const metadata = error.$metadata as { readonly httpStatusCode?: unknown } | undefined;
  return typeof metadata?.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}
