import { ClientError, type ClientErrorCode } from "../client-error.js";

/** By the names of AWS's errors; see the API references of Kinesis Data Streams and DynamoDB, and their Common Errors. */
const codes: Readonly<Partial<Record<string, ClientErrorCode>>> = {
  ResourceNotFoundException: "not-found",
  ProvisionedThroughputExceededException: "throttled",
  ThrottlingException: "throttled",
  RequestLimitExceeded: "throttled",
  LimitExceededException: "throttled",
  KMSThrottlingException: "throttled",
  // The stream or table is being made or changed.
  ResourceInUseException: "throttled",
  ValidationException: "refused",
  InvalidArgumentException: "refused",
  SerializationException: "refused",
  RequestEntityTooLargeException: "refused",
  ExpiredIteratorException: "iterator-expired",
  ProducerRequestForgottenException: "forgotten",
  CredentialsProviderError: "forbidden",
};

/** The kind of an entry's error in PutRecords' answer. */
export function codeOfEntry(errorCode: string): ClientErrorCode {
  return codes[errorCode] ?? "failing";
}

/**
 * Sorts what the AWS SDK throws.
 * @returns a TypeError or RangeError as it is, since those are bugs, unless the SDK made it of an answer.
 */
export function toClientError(error: unknown): unknown {
  if (error instanceof ClientError || !(error instanceof Error)) return error;
  const status = statusOf(error);
  if (status === undefined && (error instanceof TypeError || error instanceof RangeError)) return error;
  return new ClientError(codes[error.name] ?? codeOfStatus(status), `${error.name}: ${error.message}`, {
    cause: error,
  });
}

function codeOfStatus(status: number | undefined): ClientErrorCode {
  // 500 is the service's own answer; the others are a proxy's word, or none at all.
  if (status === 500) return "failing";
  if (status === undefined || status === 408 || status > 500) return "unreachable";
  if (status === 413) return "refused";
  if (status === 429) return "throttled";
  return status >= 400 ? "forbidden" : "unreachable";
}

function statusOf(error: Error): number | undefined {
  if (!("$metadata" in error)) return undefined;
  const metadata = error.$metadata as { readonly httpStatusCode?: unknown } | undefined;
  return typeof metadata?.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}
