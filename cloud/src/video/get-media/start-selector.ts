import { CloudError } from "../../cloud-error.js";
import { enumeration, string, structure, timestamp, type ValueOf } from "../../codec/shape.js";
import { fragmentNumber, streamReference } from "../operations/members.js";
import type { PublishedFragment } from "../store/fragment.js";
import { positionOf } from "../store/fragment-number.js";
import type { VideoStream } from "../video-stream.js";

const startSelector = structure({
  required: {
    StartSelectorType: enumeration(
      "NOW",
      "EARLIEST",
      "FRAGMENT_NUMBER",
      "SERVER_TIMESTAMP",
      "PRODUCER_TIMESTAMP",
      "CONTINUATION_TOKEN",
    ),
  },
  optional: {
    AfterFragmentNumber: fragmentNumber,
    StartTimestamp: timestamp(),
    ContinuationToken: string({ min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" }),
  },
});

/** GetMedia's input. */
export const getMediaInput = structure({ required: { StartSelector: startSelector }, optional: streamReference });

export type StartSelector = ValueOf<typeof startSelector>;

/** Before the first fragment there can be. */
const BEGINNING = -1;

/** Where a reader begins, and what it is shown. */
export interface Start {
  /** The ordinal after which it begins. */
  readonly after: number;
  /** Not what was sent late. */
  readonly isLiveOnly: boolean;
}

/** @throws {CloudError} `argument-invalid` where the selector lacks what its type needs. */
export function startOf(selector: StartSelector, stream: VideoStream): Start {
  const isLiveOnly = selector.StartSelectorType === "NOW";
  return { after: startAfter(selector, stream), isLiveOnly };
}

/**
 * The ordinal after which a reader begins.
 * @throws {CloudError} `argument-invalid` where the selector lacks what its type needs.
 */
function startAfter(selector: StartSelector, stream: VideoStream): number {
  const fragments = stream.store.published(stream.horizonMs());
  const { StartSelectorType: type, AfterFragmentNumber, StartTimestamp, ContinuationToken } = selector;
  if (type === "EARLIEST") return BEGINNING;
  if (type === "NOW") return before(stream.store.newestLive(stream.horizonMs()));
  if (type === "FRAGMENT_NUMBER") {
    return afterNumber(needed("AfterFragmentNumber", AfterFragmentNumber), stream, fragments);
  }
  if (type === "CONTINUATION_TOKEN") {
    const token = needed("ContinuationToken", ContinuationToken);
    if (!/^\d+$/.test(token)) throw new CloudError("argument-invalid", "Invalid ContinuationToken.");
    return afterNumber(token, stream, fragments);
  }
  const timeMs = needed("StartTimestamp", StartTimestamp);
  return atTime(fragments, timeMs, type === "SERVER_TIMESTAMP" ? "serverMs" : "producerMs");
}

/** After the fragment with the number; where it is no more, before the first one with a greater number. */
function afterNumber(number: string, stream: VideoStream, fragments: readonly PublishedFragment[]): number {
  const position = positionOf(stream.numberPrefix, number);
  const known = stream.store.at(position, stream.horizonMs());
  if (known !== undefined) return known.ordinal;
  return beforeOrLast(
    fragments.find(({ begin }) => begin > position),
    fragments,
  );
}

/** Before the fragment that has the time in it; between two fragments, before the one that is next in time. */
function atTime(fragments: readonly PublishedFragment[], timeMs: number, clock: "producerMs" | "serverMs"): number {
  let next: PublishedFragment | undefined;
  for (const fragment of fragments) {
    const startMs = fragment[clock];
    if (startMs <= timeMs && timeMs < startMs + fragment.durationMs) return before(fragment);
    if (startMs >= timeMs && (next === undefined || startMs < next[clock])) next = fragment;
  }
  return beforeOrLast(next, fragments);
}

function beforeOrLast(fragment: PublishedFragment | undefined, fragments: readonly PublishedFragment[]): number {
  return fragment === undefined ? (fragments.at(-1)?.ordinal ?? BEGINNING) : before(fragment);
}

function before(fragment: PublishedFragment | undefined): number {
  return fragment === undefined ? BEGINNING : fragment.ordinal - 1;
}

function needed<T>(name: string, value: T | undefined): T {
  if (value === undefined) throw new CloudError("argument-invalid", `${name} must be specified.`);
  return value;
}
