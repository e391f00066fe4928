import { type AwsFailure, failureOf } from "@headwater/protocol";
import { UpstreamError, type UpstreamErrorKind } from "./upstream.js";

/** Sorts what the SDK throws into the few kinds that matter here. @returns bugs as they are. */
export function toUpstreamError(error: unknown): unknown {
  if (error instanceof UpstreamError || !(error instanceof Error)) return error;
  const failure = failureOf(error);
  if (failure === undefined) return error;
  return new UpstreamError(kindOf(failure), `${error.name}: ${error.message}`, { cause: error });
}

function kindOf(failure: AwsFailure): UpstreamErrorKind {
  if (failure === "forbidden") return "rejecting";
  // The gateway has no iterators.
  return failure === "iterator-expired" ? "refused" : failure;
}
