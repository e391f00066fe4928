import { CloudError } from "../../cloud-error.js";
import { enumeration, integer, structure } from "../../codec/shape.js";
import type { PublishedFragment } from "../store/fragment.js";
import { fragmentNumber } from "../store/fragment-number.js";
import { nextToken, streamReference, timestampRange } from "./members.js";
import { streamNameOf } from "./stream-reference.js";
import { videoOperation } from "./video-operation.js";

const PAGE_FRAGMENTS = 100;
const PURPOSE = "video-list-fragments";

interface Selection {
  readonly type: "PRODUCER_TIMESTAMP" | "SERVER_TIMESTAMP";
  readonly startMs: number;
  readonly endMs: number;
  /** The ordinal of the last fragment told. */
  readonly after: number;
}

export const listFragments = videoOperation(
  structure({
    required: {},
    optional: {
      ...streamReference,
      MaxResults: integer({ min: 1, max: 1000 }),
      NextToken: nextToken,
      FragmentSelector: structure({
        required: {
          FragmentSelectorType: enumeration("PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"),
          TimestampRange: timestampRange,
        },
        optional: {},
      }),
    },
  }),
  ({ MaxResults = PAGE_FRAGMENTS, NextToken, FragmentSelector, ...reference }, { service, sealer }) => {
    const stream = service.stream(streamNameOf(reference, service));
    let selection: Selection;
    if (NextToken !== undefined) {
      const [id, type, startMs, endMs, after] = sealer.open(PURPOSE, NextToken) ?? [];
      if (id !== stream.id) throw new CloudError("argument-invalid", "Invalid NextToken.");
      selection = { type, startMs, endMs, after } as Selection;
    } else if (FragmentSelector !== undefined) {
      const { StartTimestamp, EndTimestamp } = FragmentSelector.TimestampRange;
      if (StartTimestamp > EndTimestamp) {
        throw new CloudError("argument-invalid", "StartTimestamp must not be after EndTimestamp.");
      }
      const type = FragmentSelector.FragmentSelectorType;
      selection = { type, startMs: StartTimestamp, endMs: EndTimestamp, after: -1 };
    } else throw new CloudError("argument-invalid", "Either FragmentSelector or NextToken must be specified.");
    const kept = stream.retentionHours() === 0 ? [] : stream.store.published(stream.horizonMs());
    const { page, hasMore } = select(kept, selection, MaxResults);
    const { type, startMs, endMs } = selection;
    const last = page.at(-1);
    return {
      Fragments: page.map((fragment) => ({
        FragmentNumber: fragmentNumber(stream.numberPrefix, fragment.begin),
        FragmentSizeInBytes: fragment.bytes,
        ProducerTimestamp: new Date(fragment.producerMs),
        ServerTimestamp: new Date(fragment.serverMs),
        FragmentLengthInMilliseconds: fragment.durationMs,
      })),
      NextToken:
        hasMore && last !== undefined
          ? sealer.seal(PURPOSE, [stream.id, type, startMs, endMs, last.ordinal])
          : undefined,
    };
  },
);

/** The next fragments that begin within the range, both ends included. */
function select(
  fragments: readonly PublishedFragment[],
  { type, startMs, endMs, after }: Selection,
  count: number,
): { page: PublishedFragment[]; hasMore: boolean } {
  const page: PublishedFragment[] = [];
  for (const fragment of fragments) {
    const timeMs = type === "PRODUCER_TIMESTAMP" ? fragment.producerMs : fragment.serverMs;
    if (fragment.ordinal <= after || timeMs < startMs || timeMs > endMs) continue;
    if (page.length === count) return { page, hasMore: true };
    page.push(fragment);
  }
  return { page, hasMore: false };
}
