/** The few kinds of AWS's errors that callers of its APIs tell apart. */
export type AwsFailure =
  | "not-found"
  | "throttled"
  | "refused"
  | "forgotten"
  | "iterator-expired"
  | "forbidden"
  /** The service's own answer that something went wrong there. */
  | "failing"
  /** A proxy's word, or none at all. */
  | "unreachable";

/** By the names of AWS's errors; see the API references of Kinesis Data Streams and DynamoDB, and their Common Errors. */
const byName: Readonly<Partial<Record<string, AwsFailure>>> = {
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

const WRONG_TIME = /^Signature (expired|not yet current)/;

/** Of an error's name, also of a single entry's in PutRecords' answer; undefined where the name says nothing. */
export function failureOfName(name: string): AwsFailure | undefined {
  return byName[name];
}

/**
 * Of what the AWS SDK throws.
 * @returns undefined for a TypeError or RangeError, since those are bugs, unless the SDK made it of an answer.
 */
export function failureOf(error: Error): AwsFailure | undefined {
  const status = statusOf(error);
  if (status === undefined && (error instanceof TypeError || error instanceof RangeError)) return undefined;
  // This machine's clock is off, which the SDK learns by it: the next call is signed with the service's time.
  if (error.name === "InvalidSignatureException" && WRONG_TIME.test(error.message)) return "throttled";
  return byName[error.name] ?? failureOfStatus(status);
}

function failureOfStatus(status: number | undefined): AwsFailure {
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
