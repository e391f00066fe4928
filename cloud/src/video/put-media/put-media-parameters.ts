import type { IncomingHttpHeaders } from "node:http";
import { VIDEO_LANE_BACKFILL, VIDEO_LANE_HEADER } from "@headwater/protocol";
import { CloudError } from "../../cloud-error.js";

/** What PutMedia's headers say. */
export interface PutMediaParameters {
  readonly stream: { readonly StreamName?: string; readonly StreamARN?: string };
  /** Added to every timecode: 0 for absolute ones, the producer's start (milliseconds since 1970) for relative ones. */
  readonly timeBaseMs: number;
  readonly wantsAcknowledgements: boolean;
  /** All fragments of the call are sent late. */
  readonly isBackfill: boolean;
}

/** The headers that say what a call means. */
export const putMediaHeaders = [
  "x-amzn-stream-name",
  "x-amzn-stream-arn",
  "x-amzn-fragment-timecode-type",
  "x-amzn-producer-start-timestamp",
  "x-amzn-fragment-acknowledgment-required",
  VIDEO_LANE_HEADER,
] as const;

/** How the C and C++ producer SDK names itself; see {@link startMs}. */
const C_PRODUCER = /\bAWS-SDK-KVS\//;

/**
 * Reads the headers.
 * @param nowMs what a relative stream starts at where it does not say.
 * @throws {CloudError} `argument-invalid`.
 * @see Kinesis Video Streams API Reference, PutMedia
 */
export function readPutMediaParameters(headers: IncomingHttpHeaders, nowMs: number): PutMediaParameters {
  const name = one(headers, "x-amzn-stream-name");
  const arn = one(headers, "x-amzn-stream-arn");
  if ((name === undefined) === (arn === undefined)) {
    throw invalid("Either x-amzn-stream-name or x-amzn-stream-arn must be specified.");
  }
  const type = one(headers, "x-amzn-fragment-timecode-type");
  if (type !== "ABSOLUTE" && type !== "RELATIVE") {
    throw invalid("x-amzn-fragment-timecode-type must be ABSOLUTE or RELATIVE.");
  }
  const start = one(headers, "x-amzn-producer-start-timestamp");
  const sent = start === undefined ? nowMs : startMs(start, headers["user-agent"] ?? "");
  const acknowledgements = one(headers, "x-amzn-fragment-acknowledgment-required")?.toLowerCase();
  return {
    stream: { ...(name === undefined ? {} : { StreamName: name }), ...(arn === undefined ? {} : { StreamARN: arn }) },
    timeBaseMs: type === "ABSOLUTE" ? 0 : sent,
    wantsAcknowledgements: acknowledgements !== "0" && acknowledgements !== "false",
    isBackfill: one(headers, VIDEO_LANE_HEADER) === VIDEO_LANE_BACKFILL,
  };
}

/** Seconds with a fraction; the C producer writes the milliseconds behind the point without leading zeros. */
function startMs(text: string, userAgent: string): number {
  const [, seconds, fraction = ""] = /^(\d{1,12})(?:\.(\d{1,12}))?$/.exec(text) ?? [];
  if (seconds === undefined) throw invalid("x-amzn-producer-start-timestamp must be seconds since 1970.");
  const isUnpadded = C_PRODUCER.test(userAgent) && fraction.length <= 3;
  return Number(seconds) * 1000 + (isUnpadded ? Number(fraction) : Math.round(Number(`0.${fraction || "0"}`) * 1000));
}

function one(headers: IncomingHttpHeaders, name: (typeof putMediaHeaders)[number]): string | undefined {
  const value = headers[name];
  return value === undefined || value === "" ? undefined : String(value);
}

function invalid(message: string): CloudError {
  return new CloudError("argument-invalid", message);
}
