import { MatroskaError, type MatroskaErrorCode } from "@headwater/protocol/matroska";
import { LogError } from "@headwater/log";

/** What PutMedia's ERROR acknowledgements say, with their numbers. @see AWS producer SDK, `SERVICE_CALL_RESULT`. */
export const putMediaErrors = {
  STREAM_READ_ERROR: 4000,
  MAX_FRAGMENT_SIZE_REACHED: 4001,
  MAX_FRAGMENT_DURATION_REACHED: 4002,
  FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS: 4004,
  MORE_THAN_ALLOWED_TRACKS_FOUND: 4005,
  INVALID_MKV_DATA: 4006,
  INVALID_PRODUCER_TIMESTAMP: 4007,
  FRAGMENT_METADATA_LIMIT_REACHED: 4009,
  TRACK_NUMBER_MISMATCH: 4010,
  STREAM_DELETED: 4507,
  INTERNAL_ERROR: 5000,
  ARCHIVAL_ERROR: 5001,
} as const;

export type PutMediaErrorCode = keyof typeof putMediaErrors;

/** Ends a PutMedia call: the producer hears the code and may send again from a fragment on, or skip one. */
export class PutMediaFault extends Error {
  override readonly name = "PutMediaFault";
  constructor(
    readonly code: PutMediaErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const ofMatroska = {
  "not-matroska": "INVALID_MKV_DATA",
  malformed: "INVALID_MKV_DATA",
  misplaced: "INVALID_MKV_DATA",
  unsupported: "INVALID_MKV_DATA",
  "header-too-large": "INVALID_MKV_DATA",
  truncated: "STREAM_READ_ERROR",
  "cluster-too-large": "MAX_FRAGMENT_SIZE_REACHED",
  "too-many-tracks": "MORE_THAN_ALLOWED_TRACKS_FOUND",
  "too-many-tags": "FRAGMENT_METADATA_LIMIT_REACHED",
  "tag-too-large": "FRAGMENT_METADATA_LIMIT_REACHED",
  "unknown-track": "TRACK_NUMBER_MISMATCH",
} as const satisfies Record<MatroskaErrorCode, PutMediaErrorCode>;

/** Whatever ended a PutMedia call, as its producer hears it. What nobody threw on purpose is a bug: an internal error. */
export function toPutMediaFault(thrown: unknown): PutMediaFault {
  if (thrown instanceof PutMediaFault) return thrown;
  if (thrown instanceof MatroskaError) return new PutMediaFault(ofMatroska[thrown.code], thrown.message);
  if (thrown instanceof LogError && thrown.code === "no-such-shard") {
    return new PutMediaFault("STREAM_DELETED", "the stream is deleted", { cause: thrown });
  }
  if (thrown instanceof LogError) return new PutMediaFault("ARCHIVAL_ERROR", thrown.message, { cause: thrown });
  return new PutMediaFault("INTERNAL_ERROR", "unexpected failure", { cause: thrown });
}
