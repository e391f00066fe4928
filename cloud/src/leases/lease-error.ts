const SERVICE = "com.amazonaws.dynamodb.v20120810#";

/** Everything that a call to the lease tables can be refused for, by DynamoDB's names. */
const types = {
  "unknown-operation": "com.amazon.coral.service#UnknownOperationException",
  malformed: "com.amazon.coral.service#SerializationException",
  invalid: "com.amazon.coral.validate#ValidationException",
  "table-not-found": `${SERVICE}ResourceNotFoundException`,
  "table-exists": `${SERVICE}ResourceInUseException`,
  "condition-failed": `${SERVICE}ConditionalCheckFailedException`,
  "transaction-canceled": `${SERVICE}TransactionCanceledException`,
  "limit-exceeded": `${SERVICE}LimitExceededException`,
} as const;

export type LeaseErrorCode = keyof typeof types;

/** A call that is not served. Its status is always 400: none of these gets better by itself. */
export class LeaseError extends Error {
  override readonly name = "LeaseError";
  constructor(
    readonly code: LeaseErrorCode,
    message: string,
    /** Further members of the error's body. */
    readonly members: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }

  /** As its `__type` says it. */
  get type(): string {
    return types[this.code];
  }
}

export function invalid(message: string): LeaseError {
  return new LeaseError("invalid", message);
}

export function invalidParameter(message: string): LeaseError {
  return invalid(`One or more parameter values were invalid: ${message}`);
}
