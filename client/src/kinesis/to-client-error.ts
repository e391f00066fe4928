import { failureOf, failureOfName } from "@headwater/protocol";
import { ClientError, type ClientErrorCode } from "../client-error.js";

/** The kind of an entry's error in PutRecords' answer. */
export function codeOfEntry(errorCode: string): ClientErrorCode {
  return failureOfName(errorCode) ?? "failing";
}

/** Sorts what the AWS SDK throws. @returns bugs as they are. */
export function toClientError(error: unknown): unknown {
  if (error instanceof ClientError || !(error instanceof Error)) return error;
  const code = failureOf(error);
  return code === undefined ? error : new ClientError(code, `${error.name}: ${error.message}`, { cause: error });
}
