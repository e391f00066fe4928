import { clusterStart, simpleBlock, tagsElement } from "@headwater/protocol/matroska";
import type { Fragment, MediaTag } from "../store/fragment.js";
import type { FragmentPart } from "../store/read-fragment.js";

export interface ChunkFacts {
  readonly fragment: Fragment;
  readonly number: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const PREFIX = "AWS_KINESISVIDEO_";

/**
 * One fragment as a chunk of GetMedia, part by part: a whole EBML document, tags that say which it is, one Cluster, the
 * producer's tags, and tags that say how far the reader is.
 * @see docs/reference/video-streams.md
 */
export async function* writeChunk(
  parts: AsyncIterable<readonly FragmentPart[]>,
  { fragment, number, now }: ChunkFacts,
): AsyncGenerator<Buffer, void, undefined> {
  const tags: MediaTag[] = [];
  for await (const page of parts) {
    const bytes: Uint8Array[] = [];
    for (const part of page) {
      if (part.kind === "tag") tags.push(part.tag);
      else if (part.kind === "init") {
        bytes.push(
          part.init,
          tagsElement([
            { name: `${PREFIX}FRAGMENT_NUMBER`, value: number },
            { name: `${PREFIX}SERVER_TIMESTAMP`, value: seconds(fragment.serverMs) },
            { name: `${PREFIX}PRODUCER_TIMESTAMP`, value: seconds(fragment.producerMs) },
          ]),
          clusterStart(BigInt(fragment.producerMs)),
        );
      } else {
        const { track, isKey, offsetUs, data } = part.frame;
        bytes.push(...simpleBlock({ track, isKey, relativeTimecode: Math.round(offsetUs / 1000), data }));
      }
    }
    yield Buffer.concat(bytes);
  }
  const behindMs = Math.max(0, now() - (fragment.serverMs + fragment.durationMs));
  yield Buffer.concat([
    ...tags.map((tag) => tagsElement([tag])),
    tagsElement([
      { name: `${PREFIX}MILLIS_BEHIND_NOW`, value: String(Math.round(behindMs)) },
      { name: `${PREFIX}CONTINUATION_TOKEN`, value: number },
    ]),
  ]);
}

/** What a reader finds where the next chunk would be, when there will not be one. */
export function errorTags(id: number, code: string): Buffer {
  return tagsElement([
    { name: `${PREFIX}ERROR_CODE`, value: code },
    { name: `${PREFIX}ERROR_ID`, value: String(id) },
  ]);
}

/** As Kinesis writes times in tags: `1726677687.758`. */
function seconds(timeMs: number): string {
  return (timeMs / 1000).toFixed(3);
}
