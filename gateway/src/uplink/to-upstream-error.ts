import { ClientError, type ClientErrorCode } from "@headwater/client/kinesis";
import { UpstreamError, type UpstreamErrorKind } from "./upstream.js";

const kinds: Readonly<Partial<Record<ClientErrorCode, UpstreamErrorKind>>> = {
  unreachable: "unreachable",
  failing: "failing",
  throttled: "throttled",
  "not-found": "not-found",
  forgotten: "forgotten",
  forbidden: "rejecting",
};

/** What a failed call means here. @returns bugs as they are. */
export function toUpstreamError(error: unknown): unknown {
  if (!(error instanceof ClientError)) return error;
  return new UpstreamError(kinds[error.code] ?? "refused", error.message, { cause: error });
}
