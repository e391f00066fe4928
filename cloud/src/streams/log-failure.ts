import { LogError, type LogErrorCode } from "@headwater/log";
import { CloudError, type ErrorCode } from "../cloud-error.js";

/** What the log's failures mean to whoever reads or writes a stream. */
const meanings = {
  "disk-full": "disk-full",
  "disk-failed": "disk-failed",
  overloaded: "overloaded",
  "no-such-shard": "stream-not-found",
  closed: "server-stopping",
  "frame-too-large": "internal",
  "directory-in-use": "internal",
  "unsupported-format": "internal",
  "invalid-name": "internal",
} satisfies Record<LogErrorCode, ErrorCode>;

/** Turns a failure of the log into an answer; anything that the log did not throw on purpose is a bug and thrown on. */
export function fromLogError(error: unknown): CloudError {
  if (!(error instanceof LogError)) throw error;
  return new CloudError(meanings[error.code], error.message, { cause: error });
}
